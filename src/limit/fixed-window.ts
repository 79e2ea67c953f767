import type { Quota } from "./quota.ts";
import { isCount, isTime, type Rules, saturated } from "./rules.ts";

/** What was used of the window that began at `startMs`. */
export interface FixedWindowState {
  readonly startMs: number;
  readonly used: number;
}

/** Windows start at multiples of their length since 1970 UTC. */
export const fixedWindow: Rules<FixedWindowState> = {
  read: (stored) => (isState(stored) ? stored : { startMs: 0, used: 0 }),

  remaining: (state, quota, nowMs) => Math.max(0, quota.limit - used(state, quota, nowMs)),

  waitMs(state, quota, cost, nowMs) {
    if (cost > quota.limit) return Infinity;
    if (used(state, quota, nowMs) + cost <= quota.limit) return 0;
    return windowStart(quota, nowMs) + quota.windowMs - nowMs;
  },

  add: (state, quota, cost, nowMs) => ({
    startMs: windowStart(quota, nowMs),
    used: saturated(used(state, quota, nowMs) + cost),
  }),

  refund(state, quota, cost, admittedMs, nowMs) {
    if (windowStart(quota, admittedMs) !== windowStart(quota, nowMs)) return state;
    return { startMs: state.startMs, used: Math.max(0, used(state, quota, nowMs) - cost) };
  },

  emptyAtMs: (state, quota) => (state.used === 0 ? 0 : state.startMs + quota.windowMs),
};

const windowStart = (quota: Quota, timeMs: number): number => timeMs - (timeMs % quota.windowMs);

function used(state: FixedWindowState, quota: Quota, nowMs: number): number {
  return state.startMs === windowStart(quota, nowMs) ? state.used : 0;
}

function isState(stored: unknown): stored is FixedWindowState {
  if (typeof stored !== "object" || stored === null) return false;
  const { startMs, used } = stored as Partial<FixedWindowState>;
  return isTime(startMs) && isCount(used);
}
