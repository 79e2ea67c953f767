import { describe, expect, it } from "vitest";
import { rulesFor } from "../../src/limit/algorithms.ts";
import {
  allowedAt,
  chargeOf,
  createShelf,
  fixed,
  HOUR,
  instants,
  MINUTE,
  SECOND,
  START,
} from "./fixtures.ts";

const rules = rulesFor("fixed-window");

describe("fixed window", () => {
  it("5/s right before and right after a boundary of the clock: 10 in all", () => {
    const allowed = allowedAt(createShelf(), chargeOf(fixed(5, SECOND)), [
      ...instants(6, START - 1, 0),
      ...instants(6, START, 0),
    ]);
    expect(allowed).toEqual([true, true, true, true, true, false, true, true, true, true, true, false]);
  });

  it("starts its windows at multiples of their length since 1970", () => {
    const shelf = createShelf();
    const charge = chargeOf(fixed(1, 7 * SECOND));
    const start = 7 * SECOND * 1_000;
    expect(allowedAt(shelf, charge, [start + 6_999, start + 7_000, start + 13_999, start + 14_000])).toEqual([
      true,
      true,
      false,
      true,
    ]);
  });

  it("waits for the end of its window", () => {
    const shelf = createShelf();
    const charge = chargeOf(fixed(1, MINUTE));
    shelf.takeOne(charge, START + 10 * SECOND);
    expect(shelf.takeOne(charge, START + 20 * SECOND)).toEqual({
      allowed: false,
      remaining: 0,
      retryAfterMs: 40 * SECOND,
      moreRoomMs: 40 * SECOND,
      resetMs: 40 * SECOND,
      nowMs: START + 20 * SECOND,
    });
  });

  it("120 requests at 1/s against 30/m: 60 to 90 are allowed, by phase", () => {
    const counts = instants(60, START, SECOND).map((from) => {
      const at = instants(120, from, SECOND);
      return allowedAt(createShelf(), chargeOf(fixed(30, MINUTE)), at).filter(Boolean).length;
    });
    expect([Math.min(...counts), Math.max(...counts)]).toEqual([60, 90]);
  });

  it("continues the count under another limit", () => {
    const shelf = createShelf();
    allowedAt(shelf, chargeOf(fixed(5, HOUR)), instants(5, START, 0));
    expect(shelf.takeOne(chargeOf(fixed(8, HOUR)), START)).toMatchObject({ allowed: true, remaining: 2 });
    expect(shelf.takeOne(chargeOf(fixed(3, HOUR)), START)).toMatchObject({ allowed: false, remaining: 0 });
  });
});

describe("a fixed window's stored state", () => {
  it.each([
    ["nothing", undefined],
    ["null", null],
    ["a list", [START, 5]],
    ["nothing used", { startMs: START }],
    ["a negative count", { startMs: START, used: -1 }],
    ["a count in text", { startMs: START, used: "5" }],
    ["another algorithm's state", { atMs: START, debtUnits: 5 }],
  ])("%s reads as empty", (_, stored) => {
    expect(rules.read(stored)).toEqual({ startMs: 0, used: 0 });
  });

  it("a start and a count read as they are", () => {
    expect(rules.read({ startMs: START, used: 5 })).toEqual({ startMs: START, used: 5 });
  });
});
