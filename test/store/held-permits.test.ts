import { describe, expect, it } from "vitest";
import { createHeldPermits } from "../../src/store/held-permits.ts";
import { charge, START_MS } from "./fixtures.ts";

/** A batch asked for at `START_MS` and usable for a second, unless said otherwise. The admission cost one more. */
function batch(left: Record<string, number>, { askedMs = START_MS } = {}) {
  const untilMs = askedMs + 1_000;
  const receipts = Object.entries(left).map(([count, units]) => ({
    charge: charge({ count, cost: units + 1 }),
    epoch: 0,
    timeMs: untilMs + 100,
  }));
  return { askedMs, untilMs, receipts, left: new Map(Object.entries(left)) };
}

const costs = (units: Record<string, number>) => new Map(Object.entries(units));
const one = costs({ a: 1 });

describe("held permits", () => {
  it("pay for as many as there are, and no more", () => {
    const permits = createHeldPermits();
    permits.add(batch({ a: 3 }));
    const paid = Array.from({ length: 5 }, () => permits.pay(one, START_MS));
    expect(paid).toEqual([true, true, true, false, false]);
  });

  it("pay with all batches together, oldest first", () => {
    const permits = createHeldPermits();
    permits.add(batch({ a: 2 }));
    permits.add(batch({ a: 2 }, { askedMs: START_MS + 500 }));
    expect(permits.pay(costs({ a: 3 }), START_MS + 500)).toBe(true);
    expect(permits.held("a", START_MS + 999)).toBe(1);
    expect(permits.held("a", START_MS + 1_000)).toBe(1);
  });

  it("pay for everything or for nothing", () => {
    const permits = createHeldPermits();
    permits.add(batch({ a: 5, b: 1 }));
    expect(permits.pay(costs({ a: 1, b: 2 }), START_MS)).toBe(false);
    expect([permits.held("a", START_MS), permits.held("b", START_MS)]).toEqual([5, 1]);
    expect(permits.pay(costs({ a: 2, b: 1 }), START_MS)).toBe(true);
    expect([permits.held("a", START_MS), permits.held("b", START_MS)]).toEqual([3, 0]);
  });

  it("are used until one millisecond before their end", () => {
    const permits = createHeldPermits();
    permits.add(batch({ a: 5 }));
    expect(permits.pay(one, START_MS + 999)).toBe(true);
    expect(permits.pay(one, START_MS + 1_000)).toBe(false);
  });

  it.each([
    ["behind their asking", START_MS + 500, START_MS - 1],
    ["since they were last looked at", START_MS + 500, START_MS + 499],
  ])("are over when the clock ran back %s: nobody knows for how long they were held", (_, atMs, backMs) => {
    const permits = createHeldPermits();
    permits.add(batch({ a: 5 }));
    expect(permits.held("a", atMs)).toBe(5);
    expect(permits.pay(one, backMs)).toBe(false);
    expect(permits.pay(one, atMs)).toBe(false);
    expect(permits.release()).toHaveLength(1);
  });

  it("are over when the clock ran back while they were asked for", () => {
    const permits = createHeldPermits();
    permits.add(batch({ a: 5 }));
    expect(permits.held("a", START_MS - 1)).toBe(0);
  });

  it("are released with what they cost after all, once", () => {
    const permits = createHeldPermits();
    permits.add(batch({ a: 5, b: 2 }));
    permits.add(batch({ a: 3 }));
    permits.pay(costs({ a: 6, b: 2 }), START_MS);
    // Of the first batch everything was used.
    expect(permits.release().map(({ receipt, cost }) => [receipt.charge.count, cost])).toEqual([["a", 2]]);
    expect(permits.release()).toEqual([]);
    expect(permits.held("a", START_MS)).toBe(0);
  });

  it("are released also after their end", () => {
    const permits = createHeldPermits();
    permits.add(batch({ a: 5 }));
    permits.pay(one, START_MS);
    expect(permits.held("a", START_MS + 5_000)).toBe(0);
    expect(permits.release().map(({ cost }) => cost)).toEqual([2]);
  });

  it("are let go of at their end, once, and the others stay", () => {
    const permits = createHeldPermits();
    permits.add(batch({ a: 5 }));
    permits.add(batch({ a: 3 }, { askedMs: START_MS + 500 }));
    expect(permits.expired(START_MS + 999)).toEqual([]);
    expect(permits.expired(START_MS + 1_000).map(({ cost }) => cost)).toEqual([1]);
    expect(permits.expired(START_MS + 1_000)).toEqual([]);
    expect(permits.held("a", START_MS + 1_000)).toBe(3);
  });
});
