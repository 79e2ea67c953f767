import type { Quota } from "./quota.ts";

/**
 * One algorithm, as pure functions on whole numbers. Times are epoch milliseconds of one clock that
 * never runs back; states are immutable values that survive JSON and structured clone.
 */
export interface Rules<State> {
  /** What was stored, or the empty state when it is missing, corrupt or of another algorithm. */
  read(stored: unknown): State;
  /** Units of cost that fit now. Never negative. */
  remaining(state: State, quota: Quota, nowMs: number): number;
  /** Milliseconds until `cost` fits if nothing else is admitted: 0 = now, Infinity = never. */
  waitMs(state: State, quota: Quota, cost: number, nowMs: number): number;
  /**
   * The state with `cost` added at `nowMs`, whether or not there was room. What is used only later, at most `holdMs` from now,
   * counts as long as if it were used then. A fixed window knows nothing of later: for it, that is before the window ends.
   */
  add(state: State, quota: Quota, cost: number, nowMs: number, holdMs?: number): State;
  /** The state with `cost` of an admission made at `admittedMs` taken back, as far as it still stands. */
  refund(state: State, quota: Quota, cost: number, admittedMs: number, nowMs: number): State;
  /** The instant from which the state means the same as the empty one. */
  emptyAtMs(state: State, quota: Quota): number;
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The end of time for stored instants: what any quota can add to it is still exact. A later one is corrupt. */
const MAX_TIME_MS = 2 ** 52;

export const isTime = (value: unknown): value is number => isCount(value) && value <= MAX_TIME_MS;

/** A sum that stays a whole number the arithmetic can trust: far above every limit, it means "full" all the same. */
export const saturated = (sum: number): number => Math.min(sum, Number.MAX_SAFE_INTEGER);
