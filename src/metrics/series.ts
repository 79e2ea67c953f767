/**
 * What is counted: a metric's short name and its label values, with one space between. Every word is one of few: the names
 * of policies and what is listed here, never a key.
 */
export type Series =
  | `requests ${string} ${PolicyDecision}`
  | `answers ${Answer}`
  | `hits ${LimitType}`
  | `near_limit ${string}`
  | `lockouts ${string}`
  | `degraded ${string} ${OutageStep}`
  | `edge_decisions ${EdgeKind}`
  | `store_errors ${string} ${StoreErrorReason}`
  | `store_ms ${number}`
  | "store_ms sum"
  | "local_overflow"
  | `admin_changes ${string} ${AdminOperation}`
  | "metrics_dropped";

/** How often, by series. */
export type Counts = ReadonlyMap<string, number>;

/** What one policy said about a request or message, least grave first. `degraded`: the store did not say. */
export const POLICY_DECISIONS = ["allowed", "shadow_refused", "degraded", "refused"] as const;
export type PolicyDecision = (typeof POLICY_DECISIONS)[number];

/** What became of a request. */
export const ANSWERS = ["allowed", "degraded", "refused", "unavailable", "unlimited", "denied"] as const;
export type Answer = (typeof ANSWERS)[number];

/** What was refused. */
export const LIMIT_TYPES = ["http", "ws_connection", "ws_message"] as const;
export type LimitType = (typeof LIMIT_TYPES)[number];

/** What the failure ladder did. */
export const OUTAGE_STEPS = ["local", "open", "closed"] as const;
type OutageStep = (typeof OUTAGE_STEPS)[number];

/** What an isolate decides without asking the store: refusals it knows of, and what its leases pay for. */
export const EDGE_KINDS = ["refusal", "lease"] as const;
export type EdgeKind = (typeof EDGE_KINDS)[number];

/** What operators do to keys: outside of what policies promise. */
export const ADMIN_OPERATIONS = ["reset", "override", "lift"] as const;
export type AdminOperation = (typeof ADMIN_OPERATIONS)[number];

export type StoreErrorReason = "timeout" | "overloaded" | "unavailable" | "denied" | "protocol" | "other";

/** Upper ends of the buckets for the time of a store call, in milliseconds. */
export const STORE_BUCKETS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, Number.POSITIVE_INFINITY];

/** The bucket that a time belongs to. */
export const bucketOf = (ms: number): number =>
  STORE_BUCKETS_MS.find((endMs) => ms <= endMs) ?? Number.POSITIVE_INFINITY;

export function addCount(counts: Map<string, number>, series: string, by: number): void {
  counts.set(series, (counts.get(series) ?? 0) + by);
}

/** The sum of several, each with its own series. */
export function sumCounts(all: Iterable<Counts>): Map<string, number> {
  const sum = new Map<string, number>();
  for (const counts of all) for (const [series, n] of counts) addCount(sum, series, n);
  return sum;
}
