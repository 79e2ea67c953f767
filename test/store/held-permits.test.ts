import { describe, expect, it } from "vitest";
import { HeldPermits } from "../../src/store/held-permits.ts";
import { charge, START_MS } from "./fixtures.ts";

/** A batch asked for at `START_MS` and usable for a second, unless said otherwise. The admission cost one more. */
function batch(units: number, times: { askedMs?: number; untilMs?: number } = {}) {
  const { askedMs = START_MS } = times;
  const { untilMs = askedMs + 1_000 } = times;
  const receipt = { charge: charge({ cost: units + 1 }), epoch: 0, timeMs: untilMs + 100 };
  return { askedMs, untilMs, units, receipt };
}

function holding(...batches: ReturnType<typeof batch>[]) {
  const permits = new HeldPermits();
  for (const one of batches) permits.add(one);
  return permits;
}

const paid = (permits: HeldPermits, units: number, nowMs: number) => permits.pay(units, nowMs) !== undefined;

describe("held permits", () => {
  it("pay for as many as there are, and no more", () => {
    const permits = holding(batch(3));
    expect(Array.from({ length: 5 }, () => paid(permits, 1, START_MS))).toEqual([
      ...[true, true, true],
      ...[false, false],
    ]);
  });

  it("pay nothing of what costs more than is in hand", () => {
    const permits = holding(batch(2));
    expect(paid(permits, 3, START_MS)).toBe(false);
    expect(permits.held(START_MS)).toBe(2);
  });

  it("pay with all batches together, oldest first", () => {
    const permits = holding(batch(2), batch(2, { askedMs: START_MS + 500 }));
    expect(paid(permits, 3, START_MS + 500)).toBe(true);
    expect(permits.held(START_MS + 999)).toBe(1);
    expect(permits.held(START_MS + 1_000)).toBe(1);
  });

  it("pay first with what ends first, whenever it was asked for", () => {
    const permits = holding(batch(2, { untilMs: START_MS + 5_000 }), batch(2, { askedMs: START_MS + 500 }));
    expect(paid(permits, 2, START_MS + 500)).toBe(true);
    expect(permits.held(START_MS + 1_500)).toBe(2);
  });

  it("are used until one millisecond before their end", () => {
    const permits = holding(batch(5));
    expect(paid(permits, 1, START_MS + 999)).toBe(true);
    expect(paid(permits, 1, START_MS + 1_000)).toBe(false);
  });

  it.each([
    ["behind their asking", START_MS + 500, START_MS - 1],
    ["since they were last looked at", START_MS + 500, START_MS + 499],
  ])("are over when the clock ran back %s: nobody knows for how long they were held", (_, atMs, backMs) => {
    const permits = holding(batch(5));
    expect(permits.held(atMs)).toBe(5);
    expect(paid(permits, 1, backMs)).toBe(false);
    expect(paid(permits, 1, atMs)).toBe(false);
    expect(permits.release()).toHaveLength(1);
  });

  it("are over when the clock ran back while they were asked for", () => {
    expect(holding(batch(5)).held(START_MS - 1)).toBe(0);
  });

  it("are released with what they cost after all, once", () => {
    const permits = holding(batch(5), batch(3));
    permits.pay(6, START_MS);
    // Of the first batch everything was used.
    expect(permits.release().map(({ receipt, cost }) => [receipt.charge.cost, cost])).toEqual([[4, 2]]);
    expect(permits.release()).toEqual([]);
    expect(permits.held(START_MS)).toBe(0);
  });

  it("are released also after their end", () => {
    const permits = holding(batch(5));
    permits.pay(1, START_MS);
    expect(permits.held(START_MS + 5_000)).toBe(0);
    expect(permits.release().map(({ cost }) => cost)).toEqual([2]);
  });

  it("are let go of at their end, once, and the others stay", () => {
    const permits = holding(batch(5), batch(3, { askedMs: START_MS + 500 }));
    expect(permits.expired(START_MS + 999)).toEqual([]);
    expect(permits.expired(START_MS + 1_000).map(({ cost }) => cost)).toEqual([1]);
    expect(permits.expired(START_MS + 1_000)).toEqual([]);
    expect(permits.held(START_MS + 1_000)).toBe(3);
  });

  it("without a receipt are let go of in silence", () => {
    const permits = new HeldPermits();
    permits.add({ askedMs: START_MS, untilMs: START_MS + 1_000, units: 5 });
    expect(permits.expired(START_MS + 1_000)).toEqual([]);
    expect(permits.release()).toEqual([]);
  });
});

describe("permits that were paid for nothing", () => {
  /** Three paid from two batches, of which the first ends in a second and the other in two. */
  function paidThree() {
    const permits = holding(batch(2), batch(2, { untilMs: START_MS + 2_000 }));
    const from = permits.pay(3, START_MS);
    if (!from) throw new Error("nothing was paid");
    return { permits, from };
  }

  it("can be put back", () => {
    const { permits, from } = paidThree();
    permits.putBack(3, from, START_MS + 999);
    expect(permits.held(START_MS + 999)).toBe(4);
  });

  it("end with the first of the batches that they were paid from", () => {
    const { permits, from } = paidThree();
    permits.putBack(3, from, START_MS + 999);
    expect(permits.held(START_MS + 1_000)).toBe(1);
  });

  it("are lost when that batch is over", () => {
    const { permits, from } = paidThree();
    permits.putBack(3, from, START_MS + 1_000);
    expect(permits.held(START_MS + 1_000)).toBe(1);
  });

  it("are lost when the clock ran back", () => {
    const { permits, from } = paidThree();
    expect(permits.held(START_MS - 1)).toBe(0);
    permits.putBack(3, from, START_MS);
    expect(permits.held(START_MS)).toBe(0);
  });
});
