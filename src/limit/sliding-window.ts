import type { Quota } from "./quota.ts";
import { isCount, type Rules, saturated } from "./rules.ts";

/** Most `[time, cost]` entries a state holds; a limit up to this is counted exactly. */
export const MAX_ENTRIES = 128;

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
    if (cost > quota.limit) return Infinity;
    let excess = standingCost(state, quota, nowMs) + cost - quota.limit;
    if (excess <= 0) return 0;
    for (const [timeMs, entryCost] of live(state, quota, nowMs)) {
      excess -= entryCost;
      if (excess <= 0) return timeMs + quota.windowMs - nowMs;
    }
    return 0;
  },

  add(state, quota, cost, nowMs) {
    const entries = [...live(state, quota, nowMs)];
    const last = entries.at(-1);
    const timeMs = sliceEnd(quota, nowMs);
    // A last entry later than this slice was written with longer slices, before the limit was changed.
    if (last && last[0] >= timeMs) entries[entries.length - 1] = [last[0], saturated(last[1] + cost)];
    else entries.push([timeMs, saturated(cost)]);
    return mergeOldest(entries).flat();
  },

  refund(state, quota, cost, admittedMs, nowMs) {
    const writtenMs = sliceEnd(quota, admittedMs);
    if (writtenMs + quota.windowMs <= nowMs) return state;
    const entries = [...live(state, quota, nowMs)];
    // The first entry at or after that time holds the admission, also where entries were merged.
    const index = entries.findIndex(([timeMs]) => timeMs >= writtenMs);
    const entry = entries[index];
    if (!entry) return state;
    if (entry[1] > cost) entries[index] = [entry[0], entry[1] - cost];
    else entries.splice(index, 1);
    return entries.flat();
  },

  emptyAtMs: (state, quota) => (state.at(-2) ?? -quota.windowMs) + quota.windowMs,
};

function* live(state: SlidingWindowState, quota: Quota, nowMs: number): Generator<[number, number]> {
  for (let i = 0; i + 1 < state.length; i += 2) {
    const timeMs = state[i] as number;
    if (timeMs + quota.windowMs > nowMs) yield [timeMs, state[i + 1] as number];
  }
}

function standingCost(state: SlidingWindowState, quota: Quota, nowMs: number): number {
  let sum = 0;
  for (let i = 0; i + 1 < state.length; i += 2) {
    if ((state[i] as number) + quota.windowMs > nowMs) sum += state[i + 1] as number;
  }
  return sum;
}

function sliceEnd(quota: Quota, timeMs: number): number {
  const sliceMs = quota.limit <= MAX_ENTRIES ? 1 : Math.ceil(quota.windowMs / (MAX_ENTRIES - 1));
  return Math.ceil(timeMs / sliceMs) * sliceMs;
}

function mergeOldest(entries: [number, number][]): [number, number][] {
  while (entries.length > MAX_ENTRIES) {
    const [first, second] = entries as [[number, number], [number, number]];
    entries.splice(0, 2, [second[0], saturated(first[1] + second[1])]);
  }
  return entries;
}

function isState(stored: unknown): stored is SlidingWindowState {
  if (!Array.isArray(stored) || stored.length % 2 !== 0 || !stored.every(isCount)) return false;
  return stored.every((value, i) => i % 2 === 1 || i === 0 || value > (stored[i - 2] ?? 0));
}
