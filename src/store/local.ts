import { type AdminRequest, administer, keyStandingOf } from "../limit/administer.ts";
import type { Charge } from "../limit/charge.ts";
import { idleAtMs, type KeyRecord } from "../limit/key-record.ts";
import { settleAll, settledStanding } from "../limit/settle.ts";
import { takeAll } from "../limit/take.ts";
import type { Administration, Store } from "./store.ts";

/**
 * Shared by every new key while the store is full of live state. No digest has this form. It is never locked out: one
 * caller's refusals would lock out everybody who shares it.
 */
const OVERFLOW_KEY = "overflow";
const SWEEP_INTERVAL_MS = 1_000;

/**
 * Counts in this isolate's memory: for tests, demos and the failure ladder. Holds at most `maxKeys`
 * keys; live state is never dropped, new keys share one count when there is no room. A key that an operator resets or
 * gives another limit has a record of its own in any case.
 */
export function createLocalStore(
  now: () => number,
  maxKeys = 10_000,
  onOverflow: () => void = () => {},
): Store & Administration {
  const records = new Map<string, KeyRecord>();
  let nextSweepMs = 0;

  function sweep(clockMs: number): void {
    if (clockMs < nextSweepMs) return;
    nextSweepMs = clockMs + SWEEP_INTERVAL_MS;
    for (const [key, record] of records) if (idleAtMs(record) <= clockMs) records.delete(key);
  }

  function placed<C extends Charge>(charge: C, clockMs: number): C {
    if (records.has(charge.key)) return charge;
    if (records.size >= maxKeys) sweep(clockMs);
    return records.size < maxKeys ? charge : { ...charge, key: OVERFLOW_KEY, lockout: undefined };
  }

  function keep(changed: ReadonlyMap<string, KeyRecord>): void {
    for (const [key, record] of changed) records.set(key, record);
  }

  const edit = async (request: AdminRequest): Promise<void> => keep(administer(records, request, now()));

  return {
    async take(charges) {
      const clockMs = now();
      const own = charges.map((charge) => placed(charge, clockMs));
      for (const { key } of own) if (key === OVERFLOW_KEY) onOverflow();
      const { admitted, decisions, receipts, changed } = takeAll(records, own, clockMs);
      keep(changed);
      const outcomes = decisions.map((decision) => ({ kind: "decided", decision }) as const);
      return { admitted, outcomes, receipts, final: true };
    },
    async settle(settlements) {
      const clockMs = now();
      keep(settleAll(records, settlements, clockMs));
      return settlements.map((settlement) => settledStanding(records, settlement, clockMs));
    },
    async peek(charges) {
      const clockMs = now();
      return charges.map((charge) => keyStandingOf(records, placed(charge, clockMs), clockMs));
    },
    reset: (charges) => edit({ kind: "reset", charges }),
    override: (overrides) => edit({ kind: "override", overrides }),
  };
}
