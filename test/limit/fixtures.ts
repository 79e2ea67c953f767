import { type AdminRequest, administer } from "../../src/limit/administer.ts";
import type { Charge, Decision, Lockout } from "../../src/limit/charge.ts";
import { type KeyRecord, readRecord } from "../../src/limit/key-record.ts";
import type { Algorithm, Quota } from "../../src/limit/quota.ts";
import { type Settlement, settleAll } from "../../src/limit/settle.ts";
import { type Records, type Taken, takeAll } from "../../src/limit/take.ts";

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** An instant at the start of a day, so of a window of every usual length. */
export const START = 20_000 * DAY;

export function quotaOf(limit: number, windowMs: number, algorithm: Algorithm, burst = limit): Quota {
  return { algorithm, limit, windowMs, burst };
}

export const sliding = (limit: number, windowMs: number) => quotaOf(limit, windowMs, "sliding-window");
export const fixed = (limit: number, windowMs: number) => quotaOf(limit, windowMs, "fixed-window");
export const bucket = (limit: number, windowMs: number, burst = limit) =>
  quotaOf(limit, windowMs, "token-bucket", burst);

/** A charge of cost 1 for one caller. Like in the configuration, the count does not depend on the limit. */
export function chargeOf(quota: Quota, changes: Partial<Charge> = {}): Charge {
  const count = `policy/${quota.algorithm}/${quota.windowMs}`;
  return { key: "caller", count, quota, cost: 1, shadow: false, durable: false, ...changes };
}

/** `durationMs` after `refusals` in `withinMs`, of the only policy. */
export function lockoutOf(refusals: number, withinMs: number, durationMs: number): Lockout {
  return { id: "policy/lockout", refusals, withinMs, durationMs };
}

/** A store by hand: keeps what `take` and `settle` changed, as JSON and `readRecord` bring it back. */
export interface Shelf {
  readonly records: Records;
  take(charges: readonly Charge[], clockMs: number): Taken;
  /** The decision of a take of one charge. */
  takeOne(charge: Charge, clockMs: number): Decision;
  settle(settlements: readonly Settlement[], clockMs: number): Records;
  administer(request: AdminRequest, clockMs: number): void;
  /** Another limit for a charge's quota and key, for some time; no limit: the override ends. */
  override(charge: Charge, limit: number | undefined, forMs: number, clockMs: number): void;
}

export function createShelf(): Shelf {
  const records = new Map<string, KeyRecord>();
  const keep = (changed: Records): void => {
    for (const [key, record] of changed) {
      const read = readRecord(JSON.parse(JSON.stringify(record)));
      if (read) records.set(key, read);
      else records.delete(key);
    }
  };
  const ask: Shelf["administer"] = (request, clockMs) => keep(administer(records, request, clockMs));
  const take: Shelf["take"] = (charges, clockMs) => {
    const taken = takeAll(records, charges, clockMs);
    keep(taken.changed);
    return taken;
  };
  return {
    records,
    take,
    takeOne: (charge, clockMs) => first(take([charge], clockMs).decisions),
    settle(settlements, clockMs) {
      const changed = settleAll(records, settlements, clockMs);
      keep(changed);
      return changed;
    },
    administer: ask,
    override: (charge, limit, forMs, clockMs) =>
      ask({ kind: "override", overrides: [{ charge, limit, untilMs: clockMs + forMs }] }, clockMs),
  };
}

export function first<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined) throw new Error("expected at least one item");
  return item;
}

/** `take` repeated at instants, in short: which were allowed. */
export function allowedAt(shelf: Shelf, charge: Charge, instants: readonly number[]): boolean[] {
  return instants.map((clockMs) => shelf.takeOne(charge, clockMs).allowed);
}

/** `count` instants from `fromMs`, `stepMs` apart. */
export const instants = (count: number, fromMs: number, stepMs: number): number[] =>
  Array.from({ length: count }, (_, i) => fromMs + i * stepMs);
