import { systemClock } from "./clock.ts";
import { type Attachments, createOwnPaths } from "./compose-admin.ts";
import { createStores } from "./compose-stores.ts";
import { type Config, highestMode } from "./config/config.ts";
import { fingerprintOf } from "./config/fingerprint.ts";
import { parseConfig } from "./config/parse-config.ts";
import type { Problem } from "./config/problem.ts";
import { createDecide } from "./http/decide.ts";
import { createLimiter, type Limiter } from "./http/limiter.ts";
import { createGates } from "./http/message-gate.ts";
import { createForward, type OriginTarget } from "./http/proxy.ts";
import { createRecord } from "./http/record.ts";
import { createRefusalPage } from "./http/refusal-page.ts";
import { createSettle } from "./http/settle.ts";
import { trieRouter } from "./http/trie-router.ts";
import { createAttend } from "./http/under-way.ts";
import { createCharges } from "./key/charges.ts";
import { createDigest } from "./key/digest.ts";
import { keyHeaders } from "./key/key-headers.ts";
import { createTokenVerifier, type VerifyToken } from "./key/token-verifier.ts";
import { writePoints } from "./metrics/analytics.ts";
import { createLog, type Log } from "./metrics/log.ts";
import { createMetrics } from "./metrics/metrics.ts";
import type { MetricsObject } from "./metrics/metrics-object.ts";
import { createReadMetrics } from "./metrics/read-metrics.ts";
import { createShards, type Shards } from "./metrics/shards.ts";
import { createMatcher } from "./policy/match.ts";
import type { CounterObject } from "./store/counter-object.ts";
import { createDeadline } from "./store/deadline.ts";
import { createSlots } from "./store/slots.ts";
import type { WaitUntil } from "./store/store.ts";

/** The bindings that Weir uses. Variables are read by `parseConfig`. */
interface Bindings {
  readonly COUNTERS?: DurableObjectNamespace<CounterObject>;
  readonly METRICS?: DurableObjectNamespace<MetricsObject>;
  readonly ANALYTICS?: AnalyticsEngineDataset;
  readonly ORIGIN_SERVICE?: Fetcher;
}

/** The whole of Weir, put together from a Worker's environment. Throws when the configuration is not valid. */
export function compose(
  env: Readonly<Record<string, unknown>>,
  waitUntil: WaitUntil,
  attachments: Attachments,
): Limiter {
  const parsed = parseConfig(env);
  if (!parsed.ok) throw new Error(startFailure(parsed.problems));
  const { config } = parsed;
  const bindings = env as Bindings;
  const now = systemClock;
  const log = createLog(now);
  const fingerprint = fingerprintOf(config);
  logStart(config, fingerprint, log);
  const shards = createMetricsShards(config, bindings);
  const metrics = createMetrics({
    now,
    waitUntil,
    send: shards?.send,
    publish: (counts) => bindings.ANALYTICS && writePoints(bindings.ANALYTICS, counts),
    report: (error) => log("metrics_error", { reason: String(error) }),
  });
  const record = createRecord({ metrics, log, now });
  const stores = createStores(config, {
    counters: bindings.COUNTERS,
    lua: attachments.lua,
    log,
    metrics,
    waitUntil,
  });
  const newDeadline = () => createDeadline(config.storeTimeoutMs);
  const shared = { store: stores.store, now, newDeadline, waitUntil, log, record };
  const slots = createSlots({ ...shared, renewMs: config.slotRenewMs });
  const digest = createDigest(config.keySecret);
  const matcher = createMatcher(config.policies, config.exempt, trieRouter);
  const chargeRequest = createCharges(digest);
  const verifyToken = createVerifier(config, log, waitUntil);
  const decideParts = { config, log, matcher, chargeRequest, ...stores, newDeadline };
  const readMetrics = shards && createReadMetrics(metrics, shards, now);
  const own = {
    ...decideParts,
    count: metrics.count,
    digest,
    verifyToken,
    readMetrics,
    fingerprint,
    attachments,
  };
  return createLimiter({
    config,
    log,
    count: metrics.count,
    decide: createDecide({ ...decideParts, slots, record }),
    own: createOwnPaths(own),
    verifyToken,
    forward: createForward(originOf(config, bindings), keyHeaders(config.policies, config.clientIp)),
    settle: createSettle(shared),
    attend: createAttend({
      slots,
      openGate: createGates(shared),
      waitUntil,
      socketOpened: metrics.socketOpened,
    }),
    refusalPage: createRefusalPage(attachments.refusalPage),
  });
}

/** What runs, in one line. */
function logStart({ policies, store }: Config, fingerprint: string, log: Log): void {
  log("start", { fingerprint, store, mode: highestMode(policies), policies: policies.length });
}

/** Where metrics are added up; undefined without the binding. */
function createMetricsShards({ namespace, jurisdiction }: Config, { METRICS }: Bindings): Shards | undefined {
  if (!METRICS) return undefined;
  const objects = jurisdiction ? METRICS.jurisdiction(jurisdiction) : METRICS;
  return createShards((shard) => objects.getByName(`${namespace}:metrics:${shard}`));
}

function createVerifier({ tokens, storeTimeoutMs }: Config, log: Log, waitUntil: WaitUntil): VerifyToken {
  if (!tokens) return async () => undefined;
  return createTokenVerifier(tokens, {
    now: systemClock,
    // Half of the time, so that a slow endpoint leaves the other half to the store.
    keyWaitMs: storeTimeoutMs / 2,
    waitUntil,
    report: (reason) => log("token_keys_error", { reason }),
  });
}

/** Stops the start, and so a deployment, with everything that is wrong. */
function startFailure(problems: readonly Problem[]): string {
  const lines = problems.map(({ path, message }) => `  ${path}: ${message}`);
  return [`the configuration is not valid, so Weir does not start. Problems: ${lines.length}`, ...lines].join(
    "\n",
  );
}

function originOf({ origin }: Config, { ORIGIN_SERVICE }: Bindings): OriginTarget {
  if (origin.kind === "service" && ORIGIN_SERVICE) {
    return { baseUrl: undefined, fetch: (request) => ORIGIN_SERVICE.fetch(request) };
  }
  return { baseUrl: origin.kind === "url" ? origin.url : undefined, fetch: (request) => fetch(request) };
}
