import { rulesFor } from "./algorithms.ts";
import type { Charge, Standing } from "./charge.ts";
import { type KeyRecord, storedState } from "./key-record.ts";
import { lockedMs } from "./lockout.ts";
import { type Override, overrideOf } from "./override.ts";
import type { Quota } from "./quota.ts";

/** What a record says of a charge. */
export interface View {
  /** Of the quota. */
  readonly state: unknown;
  /** The charge's own. */
  readonly quota: Quota;
  /** What is in force in its place. */
  readonly override: Override | undefined;
  readonly nowMs: number;
  /** How far the clock is behind `nowMs`, the newest time kept: callers wait that much longer. */
  readonly lagMs: number;
  /** How long the key is still locked out from `nowMs` on. */
  readonly lockedMs: number;
}

export function viewOf(record: KeyRecord, charge: Charge, clockMs: number): View {
  const { count, quota, lockout } = charge;
  const nowMs = Math.max(clockMs, record.atMs);
  return {
    state: rulesFor(quota.algorithm).read(storedState(record, count, nowMs)),
    quota,
    override: overrideOf(record, charge, nowMs),
    nowMs,
    lagMs: nowMs - clockMs,
    lockedMs: lockout ? lockedMs(record, lockout, nowMs) : 0,
  };
}

/** What rules count by now. */
export const quotaInForce = ({ quota, override }: View): Quota => override?.quota ?? quota;

/**
 * Milliseconds until a cost fits, by the limits that are in force until then: 0 = now, Infinity = never.
 *
 * @param state in place of the view's
 * @param ownCost what has to fit where the override ends first
 */
export function waitMs(view: View, cost: number, state = view.state, ownCost = cost): number {
  const { quota, override, nowMs, lockedMs } = view;
  const rules = rulesFor(quota.algorithm);
  if (!override) return Math.max(lockedMs, rules.waitMs(state, quota, cost, nowMs));
  const leftMs = override.untilMs - nowMs;
  const meanwhileMs =
    override.limit === 0
      ? Number.POSITIVE_INFINITY
      : Math.max(lockedMs, rules.waitMs(state, override.quota, cost, nowMs));
  if (meanwhileMs < leftMs) return meanwhileMs;
  return Math.max(lockedMs, leftMs, rules.waitMs(state, quota, ownCost, nowMs));
}

/** How the quota stands with a state, without charging it. */
export function standing(view: View, state = view.state): Standing {
  const { quota, override, nowMs, lagMs, lockedMs } = view;
  const inForce = quotaInForce(view);
  const isShut = lockedMs > 0 || override?.limit === 0;
  const remaining = isShut ? 0 : rulesFor(quota.algorithm).remaining(state, inForce, nowMs);
  // Where a raise ends before, there is never more than all of the quota itself.
  const more = Math.min(remaining + 1, quota.burst);
  const moreRoomMs = remaining < inForce.burst ? waitMs(view, remaining + 1, state, more) + lagMs : 0;
  return { remaining, moreRoomMs, resetMs: waitMs(view, inForce.burst, state, quota.burst), nowMs };
}
