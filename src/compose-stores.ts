import { systemClock } from "./clock.ts";
import type { Config } from "./config/config.ts";
import type { DecideParts } from "./http/decide.ts";
import type { Log } from "./metrics/log.ts";
import type { Metrics } from "./metrics/metrics.ts";
import { storeErrorReason } from "./metrics/store-error.ts";
import { createBreaker } from "./store/breaker.ts";
import { createCounterAdministration } from "./store/counter-administration.ts";
import type { CounterObject } from "./store/counter-object.ts";
import { createRemote } from "./store/counter-wire.ts";
import { createDeadline } from "./store/deadline.ts";
import { createCounterStore } from "./store/durable-object.ts";
import { refusalOf, withKnownRefusals } from "./store/edge-cache.ts";
import { withGuard } from "./store/guard.ts";
import { createKeyedStores } from "./store/keyed-stores.ts";
import { createKnownRefusals } from "./store/known-refusals.ts";
import { createLadder } from "./store/ladder.ts";
import { leaseCallMs, withLeases } from "./store/leases.ts";
import { createLocalStore } from "./store/local.ts";
import type { LuaTexts } from "./store/scripts/lua.ts";
import type { Administration, Store, StoreCharge, WaitUntil } from "./store/store.ts";
import { createUpstashStore } from "./store/upstash.ts";

/** One broken object says nothing about the others. */
const MIN_FAILING_OBJECTS = 3;

export interface StoresParts {
  readonly counters: DurableObjectNamespace<CounterObject> | undefined;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly waitUntil: WaitUntil;
  /** Only Redis runs it. */
  readonly lua: LuaTexts;
}

export interface Stores extends Pick<DecideParts, "store" | "knownRefusal" | "ladder"> {
  /** The adapter's own, without the layers. */
  readonly administration: Administration;
  /** Logs and counts what a store call failed of. */
  readonly report: (reason: string) => void;
}

/** An adapter, and the same behind guards. */
interface Adapter {
  readonly guarded: Store;
  readonly administration: Administration;
}

type Guard = (minParts: number) => (store: Store, part: string) => Store;

/** The store with the layers around it: known refusals in front, the failure ladder behind. */
export function createStores(config: Config, parts: StoresParts): Stores {
  const { log, metrics, waitUntil } = parts;
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
  const report = (reason: string) => {
    log("store_error", { store: config.store, reason });
    metrics.count(`store_errors ${config.store} ${storeErrorReason(reason)}`);
  };
  const shared = { knownRefusal, ladder, report };
  if (config.store === "local") return { ...shared, store: local, administration: local };
  const timeCall = () => {
    const beginMs = now();
    return () => metrics.storeTook(now() - beginMs);
  };
  const guard: Guard = (minParts) => {
    const breaker = createBreaker(now, minParts, metrics.breakerIs);
    const guardParts = { breaker, ladder, report, timeCall, waitUntil };
    return (store, part) => withGuard(store, part, guardParts);
  };
  const { guarded, administration } = config.upstash
    ? createUpstash(config, config.upstash, guard, parts)
    : createCounters(config, parts, guard);
  const leased = withLeases(guarded, {
    now,
    newDeadline: () => createDeadline(leaseCallMs(config.storeTimeoutMs)),
    // Half of the time, so that the other half is left to whoever repeats the call.
    newWait: () => createDeadline(config.storeTimeoutMs / 2),
    waitUntil,
    random: Math.random,
    onOwn: (admitted) => (admitted ? metrics.count("edge_decisions lease") : onKnown()),
  });
  return { ...shared, store: withKnownRefusals(leased, known, now, onKnown), administration };
}

function createUpstash(
  { namespace }: Config,
  upstash: NonNullable<Config["upstash"]>,
  guard: Guard,
  { log, lua }: StoresParts,
): Adapter {
  const store = createUpstashStore({ ...upstash, namespace, lua, onCorrupt: () => log("corrupt_state") });
  return { guarded: guard(1)(store, "redis"), administration: store };
}

function createCounters(
  { namespace, jurisdiction, storeTimeoutMs }: Config,
  { counters, waitUntil }: StoresParts,
  guard: Guard,
): Adapter {
  if (!counters) throw new Error('STORE = "durable-object" needs the COUNTERS binding of wrangler.toml');
  const objects = jurisdiction ? counters.jurisdiction(jurisdiction) : counters;
  const leasedTentativeMs = leaseCallMs(storeTimeoutMs);
  const options = { tentativeMs: storeTimeoutMs, leasedTentativeMs, waitUntil };
  const objectOf = (key: string) => objects.getByName(`${namespace}:${key}`);
  const storeOf = (key: string) => createCounterStore(() => createRemote(objectOf(key)), options);
  const guardOne = guard(MIN_FAILING_OBJECTS);
  return {
    guarded: createKeyedStores((key) => guardOne(storeOf(key), key), systemClock, waitUntil),
    administration: createCounterAdministration(objectOf),
  };
}
