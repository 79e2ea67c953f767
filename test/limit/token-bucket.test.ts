import { describe, expect, it } from "vitest";
import { rulesFor } from "../../src/limit/algorithms.ts";
import { MAX_CAPACITY_MS } from "../../src/limit/quota.ts";
import {
  allowedAt,
  bucket,
  chargeOf,
  createShelf,
  DAY,
  instants,
  MINUTE,
  SECOND,
  START,
} from "./fixtures.ts";

const rules = rulesFor("token-bucket");

describe("token bucket", () => {
  it("5/s: five at once, then one every 200 ms", () => {
    const charge = chargeOf(bucket(5, SECOND));
    const shelf = createShelf();
    expect(allowedAt(shelf, charge, instants(6, START, 0))).toEqual([true, true, true, true, true, false]);
    expect(allowedAt(shelf, charge, [START + 199, START + 200, START + 399, START + 400])).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });

  it("5/s, idle for a day: still five at once", () => {
    const shelf = createShelf();
    const charge = chargeOf(bucket(5, SECOND));
    allowedAt(shelf, charge, instants(5, START, 0));
    const later = allowedAt(shelf, charge, instants(6, START + DAY, 0));
    expect(later).toEqual([true, true, true, true, true, false]);
  });

  it("60/minute with a burst of 10: ten at once, then one a second", () => {
    const shelf = createShelf();
    const charge = chargeOf(bucket(60, MINUTE, 10));
    expect(allowedAt(shelf, charge, instants(11, START, 0)).filter(Boolean)).toHaveLength(10);
    expect(allowedAt(shelf, charge, instants(20, START + 500, 500)).filter(Boolean)).toHaveLength(10);
  });

  it("60/minute with a burst of 100: more at once than in a minute", () => {
    const allowed = allowedAt(createShelf(), chargeOf(bucket(60, MINUTE, 100)), instants(101, START, 0));
    expect(allowed.filter(Boolean)).toHaveLength(100);
  });

  it.each([0, 1, 777])("120 requests at 1/s against 30/m, %i ms into it: 89 or 90 are allowed", (phaseMs) => {
    const at = instants(120, START + phaseMs, SECOND);
    const allowed = allowedAt(createShelf(), chargeOf(bucket(30, MINUTE)), at).filter(Boolean).length;
    expect([89, 90]).toContain(allowed);
  });

  it("says when more room appears, when the cost fits, and when it is full", () => {
    const shelf = createShelf();
    shelf.takeOne(chargeOf(bucket(5, SECOND), { cost: 5 }), START);
    expect(shelf.takeOne(chargeOf(bucket(5, SECOND), { cost: 3 }), START + 100)).toEqual({
      allowed: false,
      remaining: 0,
      retryAfterMs: 500,
      moreRoomMs: 100,
      resetMs: 900,
      nowMs: START + 100,
    });
  });

  it("3/s: a third of a second is waited for in whole milliseconds, and no fraction is lost", () => {
    const shelf = createShelf();
    const charge = chargeOf(bucket(3, SECOND));
    allowedAt(shelf, charge, instants(3, START, 0));
    expect(shelf.takeOne(charge, START).retryAfterMs).toBe(334);
    expect(allowedAt(shelf, charge, [START + 334, START + 667, START + 1_000])).toEqual([true, true, true]);
  });

  it("does not understate by one where a fractional emission interval would", () => {
    const quota = bucket(3, SECOND);
    const shelf = createShelf();
    allowedAt(shelf, chargeOf(quota), instants(3, START + 1, 0));
    expect(shelf.takeOne(chargeOf(quota), START + 1 + 1_000)).toMatchObject({ allowed: true, remaining: 2 });
  });

  it("stays exact at the largest capacity a configuration accepts", () => {
    const quota = bucket(1, DAY, Math.floor(MAX_CAPACITY_MS / DAY));
    const shelf = createShelf();
    expect(shelf.takeOne(chargeOf(quota, { cost: quota.burst }), START)).toMatchObject({ allowed: true });
    expect(shelf.takeOne(chargeOf(quota), START + DAY - 1)).toMatchObject({
      allowed: false,
      retryAfterMs: 1,
    });
    expect(shelf.takeOne(chargeOf(quota), START + DAY)).toMatchObject({ allowed: true, remaining: 0 });
  });

  it("an idle time of centuries fills it, no more", () => {
    const shelf = createShelf();
    const quota = bucket(100_000, SECOND, 100_000);
    shelf.takeOne(chargeOf(quota, { cost: 100_000 }), START);
    expect(shelf.takeOne(chargeOf(quota), START + 200_000 * DAY).remaining).toBe(99_999);
  });

  it("a lower burst leaves no room until the debt has come below it", () => {
    const shelf = createShelf();
    shelf.takeOne(chargeOf(bucket(10, SECOND), { cost: 10 }), START);
    expect(shelf.takeOne(chargeOf(bucket(10, SECOND, 2)), START)).toMatchObject({
      allowed: false,
      remaining: 0,
      retryAfterMs: 900,
    });
  });
});

describe("a token bucket's stored state", () => {
  it.each([
    ["nothing", undefined],
    ["null", null],
    ["a list", [START, 5]],
    ["a number", 5],
    ["no debt", { atMs: START }],
    ["a negative debt", { atMs: START, debtUnits: -1 }],
    ["a debt in text", { atMs: START, debtUnits: "5" }],
    ["a debt past the whole numbers", { atMs: START, debtUnits: 2 ** 60 }],
    ["a fraction of a millisecond", { atMs: START + 0.5, debtUnits: 5 }],
    ["another algorithm's state", { startMs: START, used: 5 }],
  ])("%s reads as a full bucket", (_, stored) => {
    expect(rules.read(stored)).toEqual({ atMs: 0, debtUnits: 0 });
  });

  it("a debt and its instant read as they are", () => {
    expect(rules.read({ atMs: START, debtUnits: 5 })).toEqual({ atMs: START, debtUnits: 5 });
  });
});
