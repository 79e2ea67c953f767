import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Receipt } from "../../src/limit/charge.ts";
import type { Quota } from "../../src/limit/quota.ts";
import { settleAll } from "../../src/limit/settle.ts";
import { standingOf } from "../../src/limit/take.ts";
import { anyQuota, anyStory, instantsOf } from "./arbitraries.ts";
import {
  bucket,
  chargeOf,
  createShelf,
  DAY,
  first,
  fixed,
  HOUR,
  MINUTE,
  SECOND,
  START,
  sliding,
} from "./fixtures.ts";

/** A shelf with one admission of cost 4. */
function admitted(quota: Quota, atMs = START) {
  const shelf = createShelf();
  const receipt: Receipt = first(shelf.take([chargeOf(quota, { cost: 4 })], atMs).receipts);
  const remainingAt = (nowMs: number) => standingOf(shelf.records, receipt.charge, nowMs).remaining;
  return { shelf, receipt, remainingAt };
}

const TEN = [
  ["a sliding window", sliding(10, MINUTE)],
  ["a sliding window above 128", sliding(1_000, MINUTE)],
  ["a token bucket", bucket(10, MINUTE)],
  ["a fixed window", fixed(10, MINUTE)],
] as const;

describe.each(TEN)("settling an admission of 4 by %s", (_, quota) => {
  const whole = quota.limit;

  it("at 0 gives all of it back", () => {
    const { shelf, receipt, remainingAt } = admitted(quota);
    shelf.settle([{ receipt, cost: 0 }], START);
    expect(remainingAt(START)).toBe(whole);
  });

  it("at 1 gives 3 back", () => {
    const { shelf, receipt, remainingAt } = admitted(quota);
    shelf.settle([{ receipt, cost: 1 }], START);
    expect(remainingAt(START)).toBe(whole - 1);
  });

  it("at 4 changes nothing", () => {
    const { receipt, shelf } = admitted(quota);
    expect(shelf.settle([{ receipt, cost: 4 }], START).size).toBe(0);
  });

  it("at 6 adds 2, at the instant it arrives", () => {
    const { shelf, receipt, remainingAt } = admitted(quota);
    shelf.settle([{ receipt, cost: 6 }], START + 1);
    expect(remainingAt(START + 1)).toBe(whole - 6);
  });

  it("above the limit leaves no room, and is counted although there was none", () => {
    const { shelf, receipt, remainingAt } = admitted(quota);
    shelf.settle([{ receipt, cost: whole + 5 }], START);
    expect(remainingAt(START)).toBe(0);
  });

  it("is void after a reset", () => {
    const { shelf, receipt } = admitted(quota);
    expect(shelf.settle([{ receipt: { ...receipt, epoch: 1 }, cost: 0 }], START).size).toBe(0);
  });

  it("gives nothing back once the admission has left its window", () => {
    const { shelf, receipt, remainingAt } = admitted(quota);
    const later = START + 2 * MINUTE;
    const next = shelf.take([chargeOf(quota, { cost: 4 })], later);
    shelf.settle([{ receipt, cost: 0 }], later);
    expect([next.admitted, remainingAt(later)]).toEqual([true, whole - 4]);
  });

  it("gives nothing back to a key of which nothing is kept any more", () => {
    const { receipt } = admitted(quota);
    expect(settleAll(new Map(), [{ receipt, cost: 0 }], START).size).toBe(0);
  });

  it("charges the extra to a key of which nothing is kept any more", () => {
    const { receipt } = admitted(quota);
    const changed = settleAll(new Map(), [{ receipt, cost: 9 }], START);
    expect(standingOf(changed, receipt.charge, START).remaining).toBe(whole - 5);
  });

  it("drops the count when nothing is left of it", () => {
    const { shelf, receipt } = admitted(quota);
    shelf.settle([{ receipt, cost: 0 }], START);
    expect(shelf.records.get("caller")?.counts).toEqual({});
  });

  it("settles several at once, also of one key", () => {
    const shelf = createShelf();
    const receipts = [1, 2].flatMap(() => shelf.take([chargeOf(quota, { cost: 3 })], START).receipts);
    const settlements = receipts.map((receipt) => ({ receipt, cost: 1 }));
    const changed = shelf.settle(settlements, START);
    expect(standingOf(changed, chargeOf(quota), START).remaining).toBe(whole - 2);
  });
});

describe("a refund", () => {
  it("of a token bucket is at most what has not been paid back yet", () => {
    const { shelf, receipt, remainingAt } = admitted(bucket(10, 10 * SECOND));
    shelf.settle([{ receipt, cost: 0 }], START + 3 * SECOND);
    shelf.takeOne(chargeOf(receipt.charge.quota, { cost: 10 }), START + 3 * SECOND);
    expect(remainingAt(START + 3 * SECOND)).toBe(0);
  });

  it("of a token bucket gives back no more than the cost, should the newest time kept be an earlier one", () => {
    const { shelf, receipt, remainingAt } = admitted(bucket(10, 10 * SECOND));
    shelf.settle([{ receipt: { ...receipt, timeMs: START + SECOND }, cost: 2 }], START);
    expect(remainingAt(START)).toBe(8);
  });

  it("of a token bucket that was empty in between gives no more than its own rest", () => {
    const quota = bucket(10, 10 * SECOND);
    const { shelf, receipt, remainingAt } = admitted(quota);
    shelf.takeOne(chargeOf(quota, { cost: 6 }), START);
    shelf.settle([{ receipt, cost: 0 }], START + 3 * SECOND);
    // 10 used, 3 paid back, 4 - 3 given back.
    expect(remainingAt(START + 3 * SECOND)).toBe(4);
  });

  it("of a fixed window is void in the next one", () => {
    const quota = fixed(10, MINUTE);
    const { shelf, receipt, remainingAt } = admitted(quota, START + 59 * SECOND);
    shelf.takeOne(chargeOf(quota, { cost: 5 }), START + MINUTE);
    shelf.settle([{ receipt, cost: 0 }], START + MINUTE);
    expect(remainingAt(START + MINUTE)).toBe(5);
  });

  it("reduces its own entry, not an older one", () => {
    const quota = sliding(10, MINUTE);
    const shelf = createShelf();
    shelf.takeOne(chargeOf(quota, { cost: 5 }), START);
    const { receipts } = shelf.take([chargeOf(quota, { cost: 5 })], START + 30 * SECOND);
    shelf.settle([{ receipt: first(receipts), cost: 0 }], START + 31 * SECOND);
    const afterTheOlder = standingOf(shelf.records, chargeOf(quota), START + MINUTE);
    expect(afterTheOlder.remaining).toBe(10);
  });

  it("finds its admission in a slice, also after the limit came down to 128 or less", () => {
    const shelf = createShelf();
    const { receipts } = shelf.take([chargeOf(sliding(1_000, HOUR), { cost: 50 })], START + 1);
    const lowered = chargeOf(sliding(100, HOUR));
    shelf.takeOne(lowered, START + 2);
    shelf.settle([{ receipt: first(receipts), cost: 0 }], START + 3);
    expect(standingOf(shelf.records, lowered, START + 3).remaining).toBe(99);
  });

  it("at the instant of its admission leaves every quota as it was", () => {
    fc.assert(
      fc.property(anyStory(anyQuota, { maxLength: 20 }), fc.nat(), (story, part) => {
        const shelf = createShelf();
        let clockMs = story.startMs;
        for (const step of instantsOf(story)) {
          clockMs = step.clockMs;
          shelf.takeOne(chargeOf(story.quota, { cost: step.cost }), clockMs);
        }
        const before = standingOf(shelf.records, chargeOf(story.quota), clockMs);
        if (before.remaining === 0) return;
        const cost = 1 + (part % before.remaining);
        const { receipts } = shelf.take([chargeOf(story.quota, { cost })], clockMs);
        shelf.settle([{ receipt: first(receipts), cost: 0 }], clockMs);
        expect(standingOf(shelf.records, chargeOf(story.quota), clockMs)).toEqual(before);
      }),
    );
  });
});

describe("an extra cost, however high", () => {
  // The bytes of a long answer, a number an origin made up: a settlement is not bounded by the configuration.
  const HIGH = [
    ["a 4 GB answer against bytes a day", 2 ** 32],
    ["the largest whole number", Number.MAX_SAFE_INTEGER],
  ] as const;
  const DAILY = [
    ["a sliding window", sliding(1_000, DAY)],
    ["a token bucket", bucket(1_000, DAY)],
    ["a fixed window", fixed(1_000, DAY)],
    // Its debt takes longest to pay back: so long that its end must stay a number a record can hold.
    ["a bucket that fills slowly", bucket(1, DAY, 1_000)],
  ] as const;
  const cases = DAILY.flatMap(([name, quota]) => HIGH.map(([what, cost]) => ({ name, what, quota, cost })));

  it.each(cases)("leaves no room in $name: $what", ({ quota, cost }) => {
    const { shelf, receipt, remainingAt } = admitted(quota);
    shelf.settle([{ receipt, cost }], START);
    expect(remainingAt(START)).toBe(0);
  });

  it.each(cases)("leaves no room in $name that also counts another admission: $what", ({ quota, cost }) => {
    const shelf = createShelf();
    const receipts = [1, 2].flatMap(() => shelf.take([chargeOf(quota, { cost: 4 })], START).receipts);
    shelf.settle([{ receipt: first(receipts), cost }], START);
    expect(standingOf(shelf.records, chargeOf(quota), START).remaining).toBe(0);
  });
});

describe("a refund of what a token bucket has paid back already", () => {
  it("changes nothing, and moves no time", () => {
    const { shelf, receipt } = admitted(bucket(10, MINUTE));
    shelf.take([receipt.charge], START + 20 * SECOND);
    expect(settleAll(shelf.records, [{ receipt, cost: 0 }], START + 24 * SECOND).size).toBe(0);
    expect(settleAll(shelf.records, [{ receipt, cost: 0 }], START + 24 * SECOND - 1).size).toBe(1);
  });
});
