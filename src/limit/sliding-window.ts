import type { Quota } from "./quota.ts";
import { isCount, isTime, type Rules, saturated } from "./rules.ts";

/** Most `[time, cost]` entries a state holds; a limit up to this is counted exactly. */
export const MAX_ENTRIES = 128;

/** The part of a window that permits may be held. */
export const MAX_HOLD_SHARE = 1 / 6;

/** Entries oldest first, flattened: `[time0, cost0, time1, cost1, ...]`. Times strictly ascend. */
export type SlidingWindowState = readonly number[];

/**
 * Sliding-window log. An admission is written at the end of its slice and counts until that time
 * plus the window: above `MAX_ENTRIES` a slice is 1/127 of the window, so room comes back at most
 * 0.8 % of a window late and the limit is never exceeded.
 */
export const slidingWindow: Rules<SlidingWindowState> = {
  read: (stored) => (isState(stored) ? stored : []),

  remaining: (state, quota, nowMs) => Math.max(0, quota.limit - standingCost(state, quota, nowMs)),

  waitMs(state, quota, cost, nowMs) {
    if (cost > quota.limit) return Number.POSITIVE_INFINITY;
    let excess = standingCost(state, quota, nowMs) + cost - quota.limit;
    let waitMs = 0;
    // Where a sum is too large for whole numbers, an excess may be left over at the end.
    for (let i = firstLive(state, quota, nowMs); excess > 0 && i < state.length; i += 2) {
      waitMs = timeAt(state, i) + quota.windowMs - nowMs;
      excess -= costAt(state, i);
    }
    return waitMs;
  },

  add(state, quota, cost, nowMs, holdMs = 0) {
    const entries = state.slice(firstLive(state, quota, nowMs));
    const timeMs = sliceEnd(quota, nowMs, holdMs);
    const last = entries.length - 2;
    // A last entry later than this slice was taken ahead, or written with longer slices, before the limit was changed.
    if (last >= 0 && timeAt(entries, last) >= timeMs)
      entries[last + 1] = saturated(costAt(entries, last) + cost);
    else entries.push(timeMs, saturated(cost));
    while (entries.length > 2 * MAX_ENTRIES) mergeOldest(entries);
    return entries;
  },

  refund(state, quota, cost, admittedMs, nowMs) {
    if (admittedMs + quota.windowMs <= nowMs) return state;
    const entries = state.slice(firstLive(state, quota, nowMs));
    // The admission stands in entries at or after that time: in a later one where entries were merged, or something had been
    // taken ahead. From the oldest of them: whose cost that was has as much in a later one, where it counts longer.
    let i = 0;
    while (i < entries.length && timeAt(entries, i) < admittedMs) i += 2;
    if (i >= entries.length) return state;
    for (let left = cost; left > 0 && i < entries.length; ) {
      const refunded = Math.min(left, costAt(entries, i));
      left -= refunded;
      if (refunded < costAt(entries, i)) entries[i + 1] = costAt(entries, i) - refunded;
      else entries.splice(i, 2);
    }
    return entries;
  },

  emptyAtMs: (state, quota) => (state.length === 0 ? 0 : timeAt(state, state.length - 2) + quota.windowMs),
};

const timeAt = (state: SlidingWindowState, i: number): number => state[i] as number;
const costAt = (state: SlidingWindowState, i: number): number => state[i + 1] as number;

/** Where the entries begin that still count. */
function firstLive(state: SlidingWindowState, { windowMs }: Quota, nowMs: number): number {
  let i = 0;
  while (i < state.length && timeAt(state, i) + windowMs <= nowMs) i += 2;
  return i;
}

function standingCost(state: SlidingWindowState, quota: Quota, nowMs: number): number {
  let sum = 0;
  for (let i = firstLive(state, quota, nowMs); i < state.length; i += 2) sum += costAt(state, i);
  return sum;
}

/**
 * What is taken ahead stands for longer than a window: in longer slices, so that it needs no more entries. For less than a
 * sixtieth of a window ahead, with many single admissions between, it may.
 */
export function sliceEnd({ limit, windowMs }: Quota, nowMs: number, holdMs: number): number {
  const standsMs = holdMs > 0 ? windowMs * (1 + MAX_HOLD_SHARE) : windowMs;
  const sliceMs = limit <= MAX_ENTRIES ? 1 : Math.ceil(standsMs / (MAX_ENTRIES - 1));
  return Math.ceil((nowMs + holdMs) / sliceMs) * sliceMs;
}

/** Both at the later time: too strict rather than too lenient. */
function mergeOldest(entries: number[]): void {
  entries[3] = saturated(costAt(entries, 0) + costAt(entries, 2));
  entries.splice(0, 2);
}

/** Asked for at every decision: one pass, and nothing made. */
function isState(stored: unknown): stored is SlidingWindowState {
  if (!Array.isArray(stored) || stored.length % 2 !== 0) return false;
  let beforeMs = -1;
  for (let i = 0; i < stored.length; i += 2) {
    const timeMs: unknown = stored[i];
    if (!isTime(timeMs) || timeMs <= beforeMs || !isCount(stored[i + 1])) return false;
    beforeMs = timeMs;
  }
  return true;
}
