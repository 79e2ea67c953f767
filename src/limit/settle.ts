import { rulesFor } from "./algorithms.ts";
import type { Receipt } from "./charge.ts";
import { EMPTY_RECORD, type KeyRecord, storedState, withCount } from "./key-record.ts";
import type { Records } from "./take.ts";

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
    if (record.epoch !== epoch || cost === charge.cost) continue;
    if (stored === undefined && cost < charge.cost) continue;
    const rules = rulesFor(charge.quota.algorithm);
    const before = rules.read(stored);
    const state =
      cost < charge.cost
        ? rules.refund(before, charge.quota, charge.cost - cost, timeMs, nowMs)
        : rules.add(before, charge.quota, cost - charge.cost, nowMs);
    if (state === before) continue;
    const untilMs = rules.emptyAtMs(state, charge.quota);
    changed.set(charge.key, withCount(record, charge.count, { untilMs, state }, nowMs));
  }
  return changed;
}
