import type { Charge } from "../src/limit/charge.ts";
import type { KeyRecord } from "../src/limit/key-record.ts";
import type { Quota } from "../src/limit/quota.ts";
import { takeAll } from "../src/limit/take.ts";

/** How many requests, sent at these instants, a single perfect counter would allow: one place, no delay. */
export function idealAllowed(quota: Quota, sentMs: readonly number[]): number {
  const charge: Charge = { key: "caller", count: "quota", quota, cost: 1, shadow: false, durable: false };
  const records = new Map<string, KeyRecord>();
  let allowed = 0;
  for (const ms of sentMs) {
    const { admitted, changed } = takeAll(records, [charge], ms);
    if (admitted) allowed += 1;
    for (const [key, record] of changed) records.set(key, record);
  }
  return allowed;
}
