import { describe, expect, it } from "vitest";
import { keyStandingOf } from "../../src/limit/administer.ts";
import type { Charge, Receipt } from "../../src/limit/charge.ts";
import { idleAtMs } from "../../src/limit/key-record.ts";
import { CONCURRENCY, type Quota } from "../../src/limit/quota.ts";
import { settledStanding } from "../../src/limit/settle.ts";
import {
  allowedAt,
  bucket,
  chargeOf,
  createShelf,
  first,
  fixed,
  HOUR,
  instants,
  lockoutOf,
  MINUTE,
  SECOND,
  type Shelf,
  START,
  sliding,
} from "./fixtures.ts";

const concurrent: Quota = { algorithm: CONCURRENCY, limit: 3, windowMs: 3 * MINUTE, burst: 3 };
const QUOTAS: [string, Quota][] = [
  ["sliding window", sliding(5, MINUTE)],
  ["token bucket", bucket(5, MINUTE)],
  ["fixed window", fixed(5, MINUTE)],
  ["concurrency", concurrent],
];

const reset = (shelf: Shelf, charges: readonly Charge[], atMs: number) =>
  shelf.administer({ kind: "reset", charges }, atMs);
const remaining = ({ records }: Shelf, charge: Charge, atMs: number): number =>
  keyStandingOf(records, charge, atMs).remaining;

/** A shelf on which all of a quota was used at `START`, each unit with a receipt. */
function full(charge: Charge) {
  const shelf = createShelf();
  const receipts = instants(charge.quota.limit, START, 0).flatMap((at) => shelf.take([charge], at).receipts);
  return { shelf, receipts };
}

describe.each(QUOTAS)("a reset of a %s", (_, quota) => {
  const charge = chargeOf(quota);

  it("makes it whole again", () => {
    const { shelf } = full(charge);
    reset(shelf, [charge], START + SECOND);
    const { limit, resetMs } = keyStandingOf(shelf.records, charge, START + SECOND);
    expect([remaining(shelf, charge, START + SECOND), resetMs]).toEqual([limit, 0]);
  });

  it("makes what was admitted before void: neither given back nor charged more", () => {
    const { shelf, receipts } = full(charge);
    reset(shelf, [charge], START + SECOND);
    const anew = instants(quota.limit, START + SECOND, 0).flatMap((at) => shelf.take([charge], at).receipts);
    for (const cost of [0, 9])
      expect(shelf.settle([{ receipt: first(receipts), cost }], START + SECOND).size).toBe(0);
    expect(settledStanding(shelf.records, { receipt: first(receipts), cost: 0 }, START)).toBe(undefined);
    shelf.settle([{ receipt: first(anew), cost: 0 }], START + SECOND);
    expect(remaining(shelf, charge, START + SECOND)).toBe(1);
  });

  it("voids for as long as a receipt of before could mean something", () => {
    const shelf = createShelf();
    const { receipts } = shelf.take([{ ...charge, cost: quota.limit }], START);
    reset(shelf, [charge], START);
    for (let atMs = START; atMs < START + 6 * MINUTE; atMs += 10 * SECOND) {
      allowedAt(shelf, charge, instants(quota.limit, atMs, 0));
      const before = remaining(shelf, charge, atMs);
      shelf.settle([{ receipt: first(receipts), cost: 0 }], atMs);
      expect(remaining(shelf, charge, atMs)).toBe(before);
    }
  });

  it("is forgotten when that is over", () => {
    const { shelf } = full(charge);
    reset(shelf, [charge], START);
    const record = shelf.records.get("caller");
    expect(record && idleAtMs(record)).toBeLessThanOrEqual(START + quota.windowMs + 10 * SECOND);
  });
});

describe("a reset", () => {
  const minute = chargeOf(sliding(5, MINUTE));
  const hour = chargeOf(sliding(60, HOUR));

  it("is of its charges only", () => {
    const { shelf } = full(minute);
    allowedAt(shelf, hour, instants(5, START, 0));
    reset(shelf, [minute], START);
    expect([remaining(shelf, minute, START), remaining(shelf, hour, START)]).toEqual([5, 55]);
  });

  it("leaves another count's receipts as good as they were", () => {
    const shelf = createShelf();
    const { receipts } = shelf.take([{ ...hour, cost: 60 }], START);
    reset(shelf, [minute], START);
    shelf.settle([{ receipt: first(receipts), cost: 10 }], START);
    expect(remaining(shelf, hour, START)).toBe(50);
  });

  it("ends a lockout, and forgets the refusals counted for one", () => {
    const locking = { ...minute, lockout: lockoutOf(2, MINUTE, HOUR) };
    const { shelf } = full(locking);
    allowedAt(shelf, locking, [START, START]);
    expect(keyStandingOf(shelf.records, locking, START).lockedMs).toBe(HOUR);
    reset(shelf, [locking], START);
    expect(keyStandingOf(shelf.records, locking, START)).toMatchObject({ lockedMs: 0, remaining: 5 });
    const refused = allowedAt(shelf, locking, instants(6, START, 0));
    expect([refused.at(-1), keyStandingOf(shelf.records, locking, START).lockedMs]).toEqual([false, 0]);
  });

  it("leaves overrides in force", () => {
    const { shelf } = full(minute);
    shelf.override(minute, 8, HOUR, START);
    reset(shelf, [minute], START);
    expect(keyStandingOf(shelf.records, minute, START)).toMatchObject({ limit: 8, remaining: 8 });
  });

  it("voids each time anew", () => {
    const { shelf } = full(minute);
    reset(shelf, [minute], START);
    const { receipts } = shelf.take([minute], START);
    reset(shelf, [minute], START);
    expect(shelf.settle([{ receipt: first(receipts), cost: 0 }], START).size).toBe(0);
  });

  it("of a key that nothing is kept of is forgotten likewise", () => {
    const shelf = createShelf();
    reset(shelf, [minute], START);
    expect(remaining(shelf, minute, START)).toBe(5);
    const record = shelf.records.get("caller");
    expect(record && idleAtMs(record)).toBe(START + MINUTE + 10 * SECOND);
  });

  it("voids permits of before until their time and window are over", () => {
    const holding = { ...minute, ahead: { units: 2, holdMs: 10 * SECOND } };
    const shelf = createShelf();
    const { receipts } = shelf.take([holding], START);
    reset(shelf, [minute], START);
    allowedAt(shelf, minute, instants(5, START + 9 * SECOND, 0));
    shelf.settle([{ receipt: first(receipts), cost: 0 }], START + MINUTE + 5 * SECOND);
    expect(remaining(shelf, minute, START + MINUTE + 5 * SECOND)).toBe(0);
  });
});

describe("a slot that was held when its count was reset", () => {
  const charge = chargeOf(concurrent);
  /** As `store/slots.ts` does: given back and taken anew, at a new time when the store says how the quota stands. */
  function renewed(shelf: Shelf, receipt: Receipt, atMs: number): Receipt {
    const anew = { ...receipt, charge: { ...receipt.charge, cost: 0 } };
    const settlements = [
      { receipt, cost: 0 },
      { receipt: anew, cost: receipt.charge.cost },
    ];
    shelf.settle(settlements, atMs);
    const standing = settledStanding(shelf.records, { receipt: anew, cost: 1 }, atMs);
    return standing ? { ...receipt, timeMs: standing.nowMs } : receipt;
  }

  it("counts again once the reset is forgotten, beside those that came since, and leaves with its own unit", () => {
    const shelf = createShelf();
    let old = first(shelf.take([charge], START).receipts);
    reset(shelf, [charge], START);
    let young = first(shelf.take([charge], START + SECOND).receipts);
    for (let atMs = START + MINUTE; atMs <= START + 10 * MINUTE; atMs += MINUTE) {
      old = renewed(shelf, old, atMs);
      young = renewed(shelf, young, atMs);
    }
    expect(remaining(shelf, charge, START + 10 * MINUTE)).toBe(1);
    shelf.settle([{ receipt: old, cost: 0 }], START + 10 * MINUTE);
    expect(remaining(shelf, charge, START + 10 * MINUTE)).toBe(2);
    shelf.settle([{ receipt: young, cost: 0 }], START + 10 * MINUTE);
    expect(remaining(shelf, charge, START + 10 * MINUTE)).toBe(3);
  });
});
