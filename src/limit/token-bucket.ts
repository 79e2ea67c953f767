import type { Quota } from "./quota.ts";
import { isCount, isTime, type Rules, saturated } from "./rules.ts";

/** `debtUnits` at `atMs`, in units of cost times milliseconds: each millisecond pays back `limit`. */
export interface TokenBucketState {
  readonly atMs: number;
  readonly debtUnits: number;
}

/**
 * Token bucket as the debt of a bucket that is otherwise full (GCRA in whole numbers): a cost adds
 * `cost x window`, the capacity is `burst x window`. No fraction appears, so nothing is ever rounded.
 */
export const tokenBucket: Rules<TokenBucketState> = {
  read: (stored) => (isState(stored) ? stored : { atMs: 0, debtUnits: 0 }),

  remaining: (state, quota, nowMs) =>
    Math.max(0, Math.floor((capacity(quota) - debt(state, quota, nowMs)) / quota.windowMs)),

  waitMs(state, quota, cost, nowMs) {
    if (cost > quota.burst) return Infinity;
    const excess = debt(state, quota, nowMs) + cost * quota.windowMs - capacity(quota);
    return Math.max(0, Math.ceil(excess / quota.limit));
  },

  // What is only used after `holdMs` must not be paid back before: until then as much is added as time pays back.
  add: (state, quota, cost, nowMs, holdMs = 0) => ({
    atMs: nowMs,
    debtUnits: saturated(debt(state, quota, nowMs) + cost * quota.windowMs + holdMs * quota.limit),
  }),

  refund(state, quota, cost, admittedMs, nowMs) {
    // After a restart the newest time kept may be earlier than that of an admission from a reserve.
    const elapsedMs = Math.max(0, nowMs - admittedMs);
    const unpaid = cost * quota.windowMs - repaid(quota, cost * quota.windowMs, elapsedMs);
    // What is paid back already changes nothing, and so writes nothing.
    if (unpaid === 0) return state;
    return { atMs: nowMs, debtUnits: Math.max(0, debt(state, quota, nowMs) - unpaid) };
  },

  emptyAtMs: (state, quota) => saturated(state.atMs + Math.ceil(state.debtUnits / quota.limit)),
};

const capacity = (quota: Quota): number => quota.burst * quota.windowMs;

function debt(state: TokenBucketState, quota: Quota, nowMs: number): number {
  return state.debtUnits - repaid(quota, state.debtUnits, nowMs - state.atMs);
}

/** What `elapsedMs` pays back of `owed`. Compares times first, so that a long idle time cannot overflow. */
function repaid(quota: Quota, owed: number, elapsedMs: number): number {
  return elapsedMs >= Math.ceil(owed / quota.limit) ? owed : elapsedMs * quota.limit;
}

function isState(stored: unknown): stored is TokenBucketState {
  if (typeof stored !== "object" || stored === null) return false;
  const { atMs, debtUnits } = stored as Partial<TokenBucketState>;
  return isTime(atMs) && isCount(debtUnits);
}
