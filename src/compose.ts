import { TrieRouter } from "hono/router/trie-router";
import { systemClock } from "./clock.ts";
import type { Config } from "./config/config.ts";
import { parseConfig } from "./config/parse-config.ts";
import type { Problem } from "./config/problem.ts";
import { createLimiter, type Limiter } from "./http/limiter.ts";
import { createForward, type OriginTarget } from "./http/proxy.ts";
import { createCharges } from "./key/charges.ts";
import { createDigest } from "./key/digest.ts";
import { keyHeaders } from "./key/key-headers.ts";
import { createLog, type Log } from "./metrics/log.ts";
import { createMatcher, type Params, type PathRouter } from "./policy/match.ts";
import type { CounterObject } from "./store/counter-object.ts";
import { createDurableObjectStore } from "./store/durable-object.ts";
import { withKnownRefusals } from "./store/edge-cache.ts";
import { createLocalStore } from "./store/local.ts";
import type { Store } from "./store/store.ts";

/** The bindings that Weir uses. Variables are read by `parseConfig`. */
interface Bindings {
  readonly COUNTERS?: DurableObjectNamespace<CounterObject>;
  readonly ORIGIN_SERVICE?: Fetcher;
}

/** Stops the start, so a deployment too, with everything that is wrong. */
class ConfigurationError extends Error {
  constructor(problems: readonly Problem[]) {
    const lines = problems.map(({ path, message }) => `  ${path}: ${message}`);
    super(
      [`the configuration is not valid, so Weir does not start. Problems: ${lines.length}`, ...lines].join(
        "\n",
      ),
    );
    // Its place in the code says nothing to whoever wrote the configuration.
    this.stack = `ConfigurationError: ${this.message}`;
  }
}

/** The whole of Weir, put together from a Worker's environment. Throws when the configuration is not valid. */
export function compose(env: Readonly<Record<string, unknown>>): { config: Config; limiter: Limiter } {
  const parsed = parseConfig(env);
  if (!parsed.ok) throw new ConfigurationError(parsed.problems);
  const { config } = parsed;
  const bindings = env as Bindings;
  const log = createLog(systemClock);
  const limiter = createLimiter({
    config,
    log,
    matcher: createMatcher(config.policies, config.exempt, trieRouter),
    chargeRequest: createCharges(createDigest(config.keySecret), config.ipv6Prefix),
    store: withKnownRefusals(createStore(config, bindings, log), systemClock),
    forward: createForward(originOf(config, bindings), keyHeaders(config.policies, config.clientIp)),
  });
  return { config, limiter };
}

function createStore(config: Config, { COUNTERS }: Bindings, log: Log): Store {
  if (config.store === "local")
    return createLocalStore(systemClock, undefined, () => log("local_store_full"));
  if (!COUNTERS)
    throw new Error("Weir cannot start: STORE=durable-object needs the COUNTERS binding of wrangler.toml");
  const counters = config.jurisdiction ? COUNTERS.jurisdiction(config.jurisdiction) : COUNTERS;
  return createDurableObjectStore((key) => counters.getByName(`${config.namespace}:${key}`), systemClock);
}

function originOf({ origin }: Config, { ORIGIN_SERVICE }: Bindings): OriginTarget {
  if (origin.kind === "service" && ORIGIN_SERVICE) {
    return { baseUrl: undefined, fetch: (request) => ORIGIN_SERVICE.fetch(request) };
  }
  return { baseUrl: origin.kind === "url" ? origin.url : undefined, fetch: (request) => fetch(request) };
}

function trieRouter<T>(): PathRouter<T> {
  const router = new TrieRouter<T>();
  return {
    add: (path, value) => router.add("ALL", path, value),
    match: (path) => router.match("ALL", path)[0] as [T, Params][],
  };
}
