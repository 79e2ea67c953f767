import { rulesFor } from "./algorithms.ts";
import type { Charge } from "./charge.ts";
import { type KeyRecord, storedState } from "./key-record.ts";
import { emptyAtMs, overrideOf } from "./override.ts";
import { CONCURRENCY, type Quota } from "./quota.ts";

/** The longest that a reserve is used, milliseconds. */
const MAX_HOLD_MS = 1_000;

/** Units that a stored record counts before they are used. */
export interface ReservedUnits {
  readonly units: number;
  /** From then on none of them may be used. */
  readonly untilMs: number;
}

/**
 * Whether an admission may be written before it is made. Not what has to be on disk first, what somebody takes ahead for
 * longer, nor a slot: it would stand for something that never began, which nobody gives back.
 */
export const isReservable = ({ durable, ahead, quota }: Charge): boolean =>
  !durable && !ahead && quota.algorithm !== CONCURRENCY;

/** As many units as wanted, but at most half of what will remain of the quota at the end of the reserve's time. */
export function reservable(
  record: KeyRecord,
  id: string,
  ownQuota: Quota,
  wanted: number,
  nowMs: number,
): ReservedUnits {
  const override = overrideOf(record, { count: id, quota: ownQuota }, nowMs);
  const quota = override?.quota ?? ownQuota;
  const rules = rulesFor(quota.algorithm);
  // What comes after an override is of another limit.
  const untilMs = Math.min(endOf(quota, nowMs), override?.untilMs ?? Number.POSITIVE_INFINITY);
  const remaining = rules.remaining(rules.read(record.counts[id]?.state), quota, untilMs - 1);
  return { units: Math.min(Math.floor(wanted), Math.floor(remaining / 2)), untilMs };
}

/**
 * The record as it is to be stored: each of these units counted as if it were used at the last moment. So it counts at least
 * as much as the true record, whenever they are used. Its time stays the true one: nothing leaves early after a restart.
 */
export function withReserve(
  record: KeyRecord,
  id: string,
  ownQuota: Quota,
  { units, untilMs }: ReservedUnits,
  nowMs: number,
): KeyRecord {
  const override = overrideOf(record, { count: id, quota: ownQuota }, nowMs);
  const quota = override?.quota ?? ownQuota;
  const rules = rulesFor(quota.algorithm);
  const before = rules.read(storedState(record, id, nowMs));
  const state = rules.add(before, quota, units, nowMs, untilMs - nowMs);
  const count = { untilMs: emptyAtMs(state, ownQuota, override), state };
  return { ...record, counts: { ...record.counts, [id]: count } };
}

/** A fixed window's reserve ends with the window: what is used later is of the next one. */
function endOf({ algorithm, windowMs }: Quota, nowMs: number): number {
  const leftMs = algorithm === "fixed-window" ? windowMs - (nowMs % windowMs) : MAX_HOLD_MS;
  return nowMs + Math.min(leftMs, MAX_HOLD_MS);
}
