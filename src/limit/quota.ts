/**
 * The three ways to count. What each promises:
 * - `sliding-window`: in any trailing window at most `limit`.
 * - `token-bucket`: at most `burst` at once, `limit` per window in the long run.
 * - `fixed-window`: at most `limit` per window of the clock, so up to twice that around a boundary.
 */
export const ALGORITHMS = ["sliding-window", "token-bucket", "fixed-window"] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/**
 * How many at the same time: an admission counts until it is given back, or, should nobody do that, for one window from
 * when it was last renewed.
 */
export const CONCURRENCY = "concurrency";

/** One number and window. `limit`, `windowMs` and `burst` are whole numbers, at least 1. */
export interface Quota {
  readonly algorithm: Algorithm | typeof CONCURRENCY;
  /** Units of cost per window. */
  readonly limit: number;
  readonly windowMs: number;
  /** Capacity of a token bucket, in units of cost. Equals `limit` for the other algorithms. */
  readonly burst: number;
}

/** The largest product of capacity and window (in ms) that the arithmetic keeps exact: half of 2^53. */
export const MAX_CAPACITY_MS = 2 ** 52;

/**
 * The quota with another limit, and its burst in proportion: whole numbers, as large as the arithmetic allows. With a limit
 * of 0 it is none for rules, which divide by it.
 */
export function withLimit(quota: Quota, limit: number): Quota {
  if (quota.burst === quota.limit || limit === 0) return { ...quota, limit, burst: limit };
  const burst = Math.max(1, Math.floor((quota.burst * limit) / quota.limit));
  return { ...quota, limit, burst: Math.min(burst, Math.floor(MAX_CAPACITY_MS / quota.windowMs)) };
}
