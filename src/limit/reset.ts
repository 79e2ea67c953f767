import type { Charge } from "./charge.ts";
import { withGeneration } from "./generation.ts";
import { type KeyRecord, withoutCounts } from "./key-record.ts";
import { overrideOf } from "./override.ts";

/**
 * The record as if a charge had never been counted, nor refused so often that it locked the key out; overrides stay. What was
 * admitted before is of an earlier generation, so that no settlement or return of it takes from what comes now.
 */
export function withReset(record: KeyRecord, charge: Charge, nowMs: number): KeyRecord {
  const { count, quota, lockout } = charge;
  const quotas = [quota, overrideOf(record, charge, nowMs)?.quota ?? quota];
  const forgotten = withoutCounts(record, lockout ? [count, lockout.id] : [count]);
  return withGeneration(forgotten, count, quotas, nowMs);
}
