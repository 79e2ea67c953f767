import { rulesFor } from "./algorithms.ts";
import type { Receipt, Standing } from "./charge.ts";
import { isVoid } from "./generation.ts";
import { EMPTY_RECORD, type KeyRecord, storedState, withCount } from "./key-record.ts";
import { emptyAtMs, type Override, overrideOf } from "./override.ts";
import { type Records, standingOf } from "./take.ts";

/** The true cost of an admission, in units; 0 gives all of it back. */
export interface Settlement {
  readonly receipt: Receipt;
  readonly cost: number;
}

/**
 * Applies the true costs and returns the records that changed. A lower cost is refunded as far as the
 * admission still stands; a higher one is added at the instant it arrives, whether or not there is room.
 */
export function settleAll(records: Records, settlements: readonly Settlement[], clockMs: number): Records {
  const changed = new Map<string, KeyRecord>();
  for (const { receipt, cost } of settlements) {
    const { charge, epoch, timeMs } = receipt;
    const record = changed.get(charge.key) ?? records.get(charge.key) ?? EMPTY_RECORD;
    const nowMs = Math.max(clockMs, record.atMs);
    const stored = storedState(record, charge.count, nowMs);
    // A later generation than the record's is one of a record that was lost.
    if (cost === charge.cost || epoch > record.epoch || isVoid(record, charge.count, epoch, nowMs)) continue;
    const override = overrideOf(record, charge, nowMs);
    if (cost < charge.cost && (stored === undefined || !isRefundable(receipt, override))) continue;
    const quota = override?.quota ?? charge.quota;
    const rules = rulesFor(quota.algorithm);
    const before = rules.read(stored);
    const state =
      cost < charge.cost
        ? rules.refund(before, quota, charge.cost - cost, timeMs, nowMs)
        : rules.add(before, quota, cost - charge.cost, nowMs);
    if (state === before) continue;
    const untilMs = emptyAtMs(state, charge.quota, override);
    changed.set(charge.key, withCount(record, charge.count, { untilMs, state }, nowMs));
  }
  return changed;
}

/**
 * How the quota of a settlement stands; undefined when that was void. A receipt that is settled again (a slot's) keeps its
 * time then, and once its generation is forgotten that is too long ago to take anything back.
 */
export function settledStanding(
  records: Records,
  { receipt: { charge, epoch } }: Settlement,
  clockMs: number,
): Standing | undefined {
  const record = records.get(charge.key) ?? EMPTY_RECORD;
  return isVoid(record, charge.count, epoch, Math.max(clockMs, record.atMs))
    ? undefined
    : standingOf(records, charge, clockMs);
}

/**
 * A bucket's debt is paid back by the limit in force: after an override has ended nobody knows what of an admission is left.
 * (Its begin, or a change, is a new generation.)
 */
function isRefundable({ charge, limit }: Receipt, override: Override | undefined): boolean {
  return charge.quota.algorithm !== "token-bucket" || limit === override?.limit;
}
