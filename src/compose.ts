import { systemClock } from "./clock.ts";
import { type Config, MODES } from "./config/config.ts";
import { fingerprintOf } from "./config/fingerprint.ts";
import { parseConfig } from "./config/parse-config.ts";
import type { Problem } from "./config/problem.ts";
import { createDecide, type DecideParts } from "./http/decide.ts";
import { createLimiter, type Limiter } from "./http/limiter.ts";
import { createGates } from "./http/message-gate.ts";
import { createForward, type OriginTarget } from "./http/proxy.ts";
import { createRecord } from "./http/record.ts";
import { createSettle } from "./http/settle.ts";
import { trieRouter } from "./http/trie-router.ts";
import { createAttend } from "./http/under-way.ts";
import { createCharges } from "./key/charges.ts";
import { createDigest } from "./key/digest.ts";
import { keyHeaders } from "./key/key-headers.ts";
import { createTokenVerifier, type VerifyToken } from "./key/token-verifier.ts";
import { writePoints } from "./metrics/analytics.ts";
import { createLog, type Log } from "./metrics/log.ts";
import { createMetrics, type Metrics } from "./metrics/metrics.ts";
import type { MetricsObject } from "./metrics/metrics-object.ts";
import { createShards, type Shards } from "./metrics/shards.ts";
import { storeErrorReason } from "./metrics/store-error.ts";
import { createMatcher } from "./policy/match.ts";
import { createBreaker } from "./store/breaker.ts";
import type { CounterObject } from "./store/counter-object.ts";
import { createRemote } from "./store/counter-wire.ts";
import { createDeadline } from "./store/deadline.ts";
import { createCounterStore } from "./store/durable-object.ts";
import { refusalOf, withKnownRefusals } from "./store/edge-cache.ts";
import { withGuard } from "./store/guard.ts";
import { createKeyedStores } from "./store/keyed-stores.ts";
import { createKnownRefusals } from "./store/known-refusals.ts";
import { createLadder } from "./store/ladder.ts";
import { withLeases } from "./store/leases.ts";
import { createLocalStore } from "./store/local.ts";
import { createSlots } from "./store/slots.ts";
import type { Store, StoreCharge, WaitUntil } from "./store/store.ts";
import { createUpstashStore } from "./store/upstash.ts";

/** One broken object says nothing about the others. */
const MIN_FAILING_OBJECTS = 3;

/** The bindings that Weir uses. Variables are read by `parseConfig`. */
interface Bindings {
  readonly COUNTERS?: DurableObjectNamespace<CounterObject>;
  readonly METRICS?: DurableObjectNamespace<MetricsObject>;
  readonly ANALYTICS?: AnalyticsEngineDataset;
  readonly ORIGIN_SERVICE?: Fetcher;
}

/** The whole of Weir, put together from a Worker's environment. Throws when the configuration is not valid. */
export function compose(env: Readonly<Record<string, unknown>>, waitUntil: WaitUntil): Limiter {
  const parsed = parseConfig(env);
  if (!parsed.ok) throw new Error(startFailure(parsed.problems));
  const { config } = parsed;
  const bindings = env as Bindings;
  const log = createLog(systemClock);
  logStart(config, log);
  const shards = createMetricsShards(config, bindings);
  const metrics = createMetrics({
    now: systemClock,
    waitUntil,
    send: shards?.send,
    publish: (counts) => bindings.ANALYTICS && writePoints(bindings.ANALYTICS, counts),
    report: (error) => log("metrics_error", { reason: String(error) }),
  });
  const record = createRecord({ metrics, log, now: systemClock });
  const stores = createStores(config, bindings, log, metrics, waitUntil);
  const newDeadline = () => createDeadline(config.storeTimeoutMs);
  const shared = { store: stores.store, now: systemClock, newDeadline, waitUntil, log, record };
  const slots = createSlots({ ...shared, renewMs: config.slotRenewMs });
  const decide = createDecide({
    config,
    log,
    matcher: createMatcher(config.policies, config.exempt, trieRouter),
    chargeRequest: createCharges(createDigest(config.keySecret)),
    ...stores,
    slots,
    newDeadline,
    record,
  });
  return createLimiter({
    config,
    log,
    count: metrics.count,
    decide,
    verifyToken: createVerifier(config, log, waitUntil),
    forward: createForward(originOf(config, bindings), keyHeaders(config.policies, config.clientIp)),
    settle: createSettle(shared),
    attend: createAttend({
      slots,
      openGate: createGates(shared),
      waitUntil,
      socketOpened: metrics.socketOpened,
    }),
  });
}

/** What runs, in one line. */
function logStart(config: Config, log: Log): void {
  const { policies, store } = config;
  const mode = MODES.findLast((one) => policies.some((policy) => policy.mode === one)) ?? "off";
  log("start", { fingerprint: fingerprintOf(config), store, mode, policies: policies.length });
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

type Stores = Pick<DecideParts, "store" | "knownRefusal" | "ladder">;

/** The store with the layers around it: known refusals in front, the failure ladder behind. */
function createStores(
  config: Config,
  bindings: Bindings,
  log: Log,
  metrics: Metrics,
  waitUntil: WaitUntil,
): Stores {
  const now = systemClock;
  const local = createLocalStore(now, undefined, () => {
    log("local_store_full");
    metrics.count("local_overflow");
  });
  const known = createKnownRefusals(now);
  const ladder = createLadder(local, known);
  const onKnown = () => metrics.count("edge_decisions refusal");
  const knownRefusal = (charges: readonly StoreCharge[]) => {
    const refusal = refusalOf(charges, known);
    if (refusal) onKnown();
    return refusal;
  };
  if (config.store === "local") return { store: local, knownRefusal, ladder };
  const report = (reason: string) => {
    log("store_error", { store: config.store, reason });
    metrics.count(`store_errors ${config.store} ${storeErrorReason(reason)}`);
  };
  const timeCall = () => {
    const beginMs = now();
    return () => metrics.storeTook(now() - beginMs);
  };
  const guarded = (minParts: number) => {
    const breaker = createBreaker(now, minParts, metrics.breakerIs);
    const parts = { breaker, ladder, report, timeCall, waitUntil };
    return (store: Store, part: string) => withGuard(store, part, parts);
  };
  const store = config.upstash
    ? guarded(1)(createUpstash(config, config.upstash, log), "redis")
    : createCounters(config, bindings, guarded(MIN_FAILING_OBJECTS), waitUntil);
  const leased = withLeases(store, {
    now,
    newDeadline: () => createDeadline(config.storeTimeoutMs),
    // Half of the time, so that the other half is left to whoever repeats the call.
    newWait: () => createDeadline(config.storeTimeoutMs / 2),
    waitUntil,
    random: Math.random,
    onOwn: (admitted) => (admitted ? metrics.count("edge_decisions lease") : onKnown()),
  });
  return { store: withKnownRefusals(leased, known, now, onKnown), knownRefusal, ladder };
}

function createUpstash({ namespace }: Config, upstash: NonNullable<Config["upstash"]>, log: Log): Store {
  return createUpstashStore({ ...upstash, namespace, onCorrupt: () => log("corrupt_state") });
}

function createCounters(
  { namespace, jurisdiction, storeTimeoutMs }: Config,
  { COUNTERS }: Bindings,
  guard: (store: Store, part: string) => Store,
  waitUntil: WaitUntil,
): Store {
  if (!COUNTERS) throw new Error('STORE = "durable-object" needs the COUNTERS binding of wrangler.toml');
  const counters = jurisdiction ? COUNTERS.jurisdiction(jurisdiction) : COUNTERS;
  const options = { tentativeMs: storeTimeoutMs, waitUntil };
  const storeOf = (key: string) =>
    createCounterStore(() => createRemote(counters.getByName(`${namespace}:${key}`)), options);
  return createKeyedStores((key) => guard(storeOf(key), key), systemClock, waitUntil);
}

function originOf({ origin }: Config, { ORIGIN_SERVICE }: Bindings): OriginTarget {
  if (origin.kind === "service" && ORIGIN_SERVICE) {
    return { baseUrl: undefined, fetch: (request) => ORIGIN_SERVICE.fetch(request) };
  }
  return { baseUrl: origin.kind === "url" ? origin.url : undefined, fetch: (request) => fetch(request) };
}
