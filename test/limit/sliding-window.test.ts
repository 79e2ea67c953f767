import { describe, expect, it } from "vitest";
import { rulesFor } from "../../src/limit/algorithms.ts";
import { MAX_ENTRIES } from "../../src/limit/sliding-window.ts";
import {
  allowedAt,
  chargeOf,
  createShelf,
  DAY,
  HOUR,
  instants,
  MINUTE,
  SECOND,
  START,
  sliding,
} from "./fixtures.ts";

const rules = rulesFor("sliding-window");

describe("sliding window", () => {
  it("2/s, three at once: the third is refused for a second", () => {
    const shelf = createShelf();
    const charge = chargeOf(sliding(2, SECOND));
    expect(allowedAt(shelf, charge, [START, START])).toEqual([true, true]);
    expect(shelf.takeOne(charge, START)).toEqual({
      allowed: false,
      remaining: 0,
      retryAfterMs: 1_000,
      moreRoomMs: 1_000,
      resetMs: 1_000,
      nowMs: START,
    });
  });

  it("5/s, five at once: remaining counts down to 0 and nothing has to wait", () => {
    const shelf = createShelf();
    const decisions = instants(5, START, 0).map((at) => shelf.takeOne(chargeOf(sliding(5, SECOND)), at));
    expect(decisions.map(({ remaining }) => remaining)).toEqual([4, 3, 2, 1, 0]);
    expect(decisions.map(({ retryAfterMs }) => retryAfterMs)).toEqual([0, 0, 0, 0, 0]);
  });

  it("1/m: a refusal is over after its wait and not a second earlier", () => {
    const shelf = createShelf();
    const charge = chargeOf(sliding(1, MINUTE));
    shelf.takeOne(charge, START);
    const { retryAfterMs } = shelf.takeOne(charge, START + 25 * SECOND);
    expect(retryAfterMs).toBe(35 * SECOND);
    expect(allowedAt(shelf, charge, [START + 59 * SECOND, START + MINUTE])).toEqual([false, true]);
  });

  it("2/s used up, 1.1 s later: allowed with 1 remaining", () => {
    const shelf = createShelf();
    const charge = chargeOf(sliding(2, SECOND));
    allowedAt(shelf, charge, [START, START]);
    expect(shelf.takeOne(charge, START + 1_100)).toMatchObject({ allowed: true, remaining: 1 });
  });

  it("5/s right before and right after a boundary of the clock: 5 in all", () => {
    const allowed = allowedAt(createShelf(), chargeOf(sliding(5, SECOND)), [
      ...instants(5, START - 1, 0),
      ...instants(5, START, 0),
    ]);
    expect(allowed.filter(Boolean)).toHaveLength(5);
  });

  it("3/s: waits for the oldest entry, not for the newest", () => {
    const shelf = createShelf();
    const charge = chargeOf(sliding(3, SECOND));
    allowedAt(shelf, charge, [START, START + 300, START + 600]);
    expect(shelf.takeOne(charge, START + 700)).toMatchObject({ allowed: false, retryAfterMs: 300 });
  });

  it("a cost of 2 waits until the second oldest entry has gone", () => {
    const shelf = createShelf();
    allowedAt(shelf, chargeOf(sliding(3, SECOND)), [START, START + 300, START + 600]);
    const decision = shelf.takeOne(chargeOf(sliding(3, SECOND), { cost: 2 }), START + 700);
    expect(decision).toMatchObject({ allowed: false, retryAfterMs: 600, moreRoomMs: 300, resetMs: 900 });
  });

  it("3/s, four at one instant: a refused request leaves no trace", () => {
    const shelf = createShelf();
    const charge = chargeOf(sliding(3, SECOND));
    allowedAt(shelf, charge, instants(3, START, 0));
    const before = JSON.stringify([...shelf.records]);
    allowedAt(shelf, charge, instants(5, START + 100, 0));
    expect(JSON.stringify([...shelf.records])).toBe(before);
    expect(shelf.takeOne(charge, START + SECOND)).toMatchObject({ allowed: true, remaining: 2 });
  });

  it("an entry counts until one millisecond before its window is over", () => {
    const shelf = createShelf();
    const charge = chargeOf(sliding(1, SECOND));
    expect(allowedAt(shelf, charge, [START, START + 999, START + 1_000])).toEqual([true, false, true]);
  });

  it("120 requests at 1/s against 30/m: 60 are allowed", () => {
    const allowed = allowedAt(createShelf(), chargeOf(sliding(30, MINUTE)), instants(120, START, SECOND));
    expect(allowed.filter(Boolean)).toHaveLength(60);
  });

  it("100 at the same time at 10/minute: exactly 10 are allowed", () => {
    const allowed = allowedAt(createShelf(), chargeOf(sliding(10, MINUTE)), instants(100, START, 0));
    expect(allowed.filter(Boolean)).toHaveLength(10);
  });

  it("13 s of silence do not reset a minute's count", () => {
    const shelf = createShelf();
    const charge = chargeOf(sliding(2, MINUTE));
    expect(allowedAt(shelf, charge, [START, START, START + 13 * SECOND])).toEqual([true, true, false]);
  });
});

describe("sliding window above 128", () => {
  const SLICE = Math.ceil(MINUTE / 127);

  it("128 is exact to the millisecond", () => {
    const shelf = createShelf();
    shelf.takeOne(chargeOf(sliding(128, MINUTE), { cost: 128 }), START + 1);
    expect(shelf.takeOne(chargeOf(sliding(128, MINUTE)), START + 1).retryAfterMs).toBe(MINUTE);
  });

  it("129 counts an admission until a window after the end of its slice", () => {
    const sliceEnd = Math.ceil((START + 1) / SLICE) * SLICE;
    const shelf = createShelf();
    shelf.takeOne(chargeOf(sliding(129, MINUTE), { cost: 129 }), START + 1);
    const { retryAfterMs } = shelf.takeOne(chargeOf(sliding(129, MINUTE)), START + 1);
    expect(retryAfterMs).toBe(sliceEnd - (START + 1) + MINUTE);
  });

  it("100000/day fits into 128 entries, one request every few milliseconds or seconds", () => {
    const shelf = createShelf();
    const charge = chargeOf(sliding(100_000, DAY));
    allowedAt(shelf, charge, [...instants(500, START, 7), ...instants(2_000, START + SECOND, DAY / 1_500)]);
    expect(stateOf(shelf).length / 2).toBeLessThanOrEqual(MAX_ENTRIES);
  });

  it("keeps all 128 entries when a window is full of slices", () => {
    const shelf = createShelf();
    allowedAt(shelf, chargeOf(sliding(1_000, MINUTE)), instants(300, START, SLICE));
    expect(stateOf(shelf).length / 2).toBeGreaterThan(MAX_ENTRIES - 2);
  });
});

describe("sliding window whose limit was changed", () => {
  it("continues the count under a higher limit", () => {
    const shelf = createShelf();
    allowedAt(shelf, chargeOf(sliding(5, MINUTE)), instants(5, START, 0));
    expect(shelf.takeOne(chargeOf(sliding(8, MINUTE)), START)).toMatchObject({ allowed: true, remaining: 2 });
  });

  it("shows 0 remaining under a lower limit, and waits until enough has gone", () => {
    const shelf = createShelf();
    allowedAt(shelf, chargeOf(sliding(5, MINUTE)), instants(5, START, SECOND));
    const decision = shelf.takeOne(chargeOf(sliding(2, MINUTE)), START + 10 * SECOND);
    // Of five entries a second apart the fourth has to go, then one more fits beside the fifth.
    expect(decision).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 53 * SECOND });
  });

  it("adds to a last entry that was written at the end of a longer slice", () => {
    const shelf = createShelf();
    shelf.takeOne(chargeOf(sliding(1_000, HOUR)), START + 1);
    shelf.takeOne(chargeOf(sliding(100, HOUR)), START + 2);
    const sliceMs = Math.ceil(HOUR / 127);
    expect(stateOf(shelf)).toEqual([Math.ceil((START + 1) / sliceMs) * sliceMs, 2]);
  });

  it("merges the two oldest entries at the later time when there would be 129", () => {
    const entries = Array.from({ length: 128 }, (_, i) => [START + i, 1]).flat();
    const quota = sliding(128, MINUTE);
    const added = rules.add(entries, quota, 1, START + 500) as number[];
    expect(added.slice(0, 4)).toEqual([START + 1, 2, START + 2, 1]);
    expect(added.slice(-2)).toEqual([START + 500, 1]);
    expect(added).toHaveLength(256);
  });

  it("cuts a state that came with more entries than it may have", () => {
    const entries = Array.from({ length: 500 }, (_, i) => [START + i, 1]).flat();
    expect(rules.add(entries, sliding(1_000, MINUTE), 1, START + 600)).toHaveLength(256);
  });
});

describe("a sliding window's stored state", () => {
  it.each([
    ["nothing", undefined],
    ["null", null],
    ["text", "1,1"],
    ["a number", 7],
    ["a table", { 0: START, 1: 1 }],
    ["a time without a cost", [START]],
    ["a cost that is not a number", [START, "1"]],
    ["a negative cost", [START, -1]],
    ["a fraction", [START + 0.5, 1]],
    ["a hole", [START, null]],
    ["NaN", [Number.NaN, 1]],
    ["times that descend", [START + 1, 1, START, 1]],
    ["one time twice", [START, 1, START, 1]],
    ["pairs", [[START, 1]]],
    ["another algorithm's state", { atMs: START, debtUnits: 5 }],
  ])("%s reads as empty", (_, stored) => {
    expect(rules.read(stored)).toEqual([]);
  });

  it("entries in the order of time read as they are", () => {
    expect(rules.read([START, 2, START + 1, 3])).toEqual([START, 2, START + 1, 3]);
  });

  it("a corrupt one neither refuses nor throws", () => {
    const shelf = createShelf();
    const count = { untilMs: START + MINUTE, state: "corrupt" };
    const charge = chargeOf(sliding(1, MINUTE));
    (shelf.records as Map<string, unknown>).set("caller", {
      format: 1,
      epoch: 0,
      atMs: START,
      counts: { [charge.count]: count },
    });
    expect(allowedAt(shelf, charge, [START, START])).toEqual([true, false]);
  });
});

function stateOf({ records }: ReturnType<typeof createShelf>): number[] {
  return Object.values(records.get("caller")?.counts ?? {}).flatMap(({ state }) => state as number[]);
}
