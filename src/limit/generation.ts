import { rulesFor } from "./algorithms.ts";
import { type KeyRecord, storedState, withCount } from "./key-record.ts";
import type { Quota } from "./quota.ts";

/** The longest that permits are held: an admission counts from their end. */
export const MAX_HOLD_MS = 10_000;

/** No count has an id of this form, nor has a lockout. */
const idOf = (count: string): string => `${count}/epoch`;

/**
 * The record with a new generation of one count: what was admitted before can no longer be settled. That is kept until a
 * receipt of before would mean nothing in any case, by whichever of these quotas it was admitted.
 */
export function withGeneration(
  record: KeyRecord,
  count: string,
  quotas: readonly Quota[],
  nowMs: number,
): KeyRecord {
  const epoch = record.epoch + 1;
  const untilMs = Math.max(...quotas.map((quota) => longestStandMs(quota, nowMs)));
  return withCount({ ...record, epoch }, idOf(count), { untilMs, state: [epoch] }, nowMs);
}

/** Whether a receipt is of an earlier generation of its count: nothing of it is left to settle. */
export function isVoid(record: KeyRecord, count: string, epoch: number, nowMs: number): boolean {
  const stored = storedState(record, idOf(count), nowMs);
  return Array.isArray(stored) && epoch < stored[0];
}

/** Until when the most that a quota admits now counts, where it may be used as late as permits may. */
function longestStandMs(quota: Quota, nowMs: number): number {
  const rules = rulesFor(quota.algorithm);
  const full = rules.add(rules.read(undefined), quota, quota.burst, nowMs, MAX_HOLD_MS);
  return rules.emptyAtMs(full, quota);
}
