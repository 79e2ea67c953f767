import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Receipt } from "../../src/limit/charge.ts";
import { CONCURRENCY, type Quota } from "../../src/limit/quota.ts";
import { MAX_ENTRIES } from "../../src/limit/sliding-window.ts";
import { standingOf } from "../../src/limit/take.ts";
import { anyWindowMs } from "./arbitraries.ts";
import {
  bucket,
  chargeOf,
  createShelf,
  DAY,
  first,
  fixed,
  instants,
  MINUTE,
  SECOND,
  type Shelf,
  START,
  sliding,
} from "./fixtures.ts";
import { type Counted, roomAt } from "./oracle.ts";

fc.configureGlobal({ numRuns: 500 });

const HOLD = 2 * SECOND;
const ahead = (units: number, holdMs = HOLD) => ({ units, holdMs });
const stateOf = ({ records }: Shelf): number[] =>
  Object.values(records.get("caller")?.counts ?? {}).flatMap(({ state }) => state as number[]);

describe("permits taken ahead", () => {
  const hundred = chargeOf(sliding(100, MINUTE));
  const remainingAt = ({ records }: Shelf, nowMs: number) => standingOf(records, hundred, nowMs).remaining;

  it("are as many as wanted, where there is room", () => {
    const shelf = createShelf();
    const decision = shelf.takeOne({ ...hundred, ahead: ahead(10) }, START);
    expect(decision).toMatchObject({ allowed: true, permits: 10, remaining: 89 });
  });

  it.each([
    [100, 1, 49],
    [100, 2, 49],
    [100, 99, 0],
    [100, 100, 0],
    [101, 1, 50],
  ])("of a limit of %i after a cost of %i are %i: at most half of what remains", (limit, cost, permits) => {
    const charge = chargeOf(sliding(limit, MINUTE), { cost, ahead: ahead(1_000) });
    expect(createShelf().takeOne(charge, START)).toMatchObject({
      allowed: true,
      permits,
      remaining: limit - cost - permits,
    });
  });

  it("are none when the cost itself is refused, and then nothing is kept", () => {
    const shelf = createShelf();
    const { decisions, receipts, changed } = shelf.take([{ ...hundred, cost: 101, ahead: ahead(10) }], START);
    expect(first(decisions)).toMatchObject({ allowed: false, permits: 0, remaining: 100 });
    expect([receipts, changed.size]).toEqual([[], 0]);
  });

  it("are not spoken of where none are wanted", () => {
    expect(createShelf().takeOne(hundred, START)).not.toHaveProperty("permits");
  });

  it("stand in the receipt with the cost, from the end of their time on", () => {
    const { receipts } = createShelf().take([{ ...hundred, cost: 3, ahead: ahead(10) }], START);
    expect(first(receipts)).toMatchObject({ charge: { cost: 13 }, timeMs: START + HOLD });
  });

  it("count at once, and until a window after the end of their time", () => {
    const shelf = createShelf();
    shelf.takeOne({ ...hundred, ahead: ahead(10) }, START);
    const after = [0, HOLD, MINUTE, HOLD + MINUTE - 1, HOLD + MINUTE];
    expect(after.map((ms) => remainingAt(shelf, START + ms))).toEqual([89, 89, 89, 89, 100]);
  });

  it("do not move the key's time ahead", () => {
    const shelf = createShelf();
    shelf.takeOne({ ...hundred, ahead: ahead(10) }, START);
    expect(shelf.takeOne(hundred, START + 1).nowMs).toBe(START + 1);
  });

  it("come back as far as they were not used", () => {
    const shelf = createShelf();
    const { receipts } = shelf.take([{ ...hundred, ahead: ahead(10) }], START);
    shelf.settle([{ receipt: first(receipts), cost: 4 }], START + SECOND);
    expect(remainingAt(shelf, START + SECOND)).toBe(96);
    expect(remainingAt(shelf, START + HOLD + MINUTE - 1)).toBe(96);
  });

  it("keep what is admitted after them standing as long as themselves", () => {
    const shelf = createShelf();
    shelf.takeOne({ ...hundred, ahead: ahead(9) }, START);
    shelf.takeOne({ ...hundred, cost: 5 }, START + SECOND);
    expect(stateOf(shelf)).toEqual([START + HOLD, 15]);
  });

  it("all come back, also after another's refund took of their entry", () => {
    const shelf = createShelf();
    const takeAhead = (atMs: number) => first(shelf.take([{ ...hundred, ahead: ahead(9) }], atMs).receipts);
    const older = takeAhead(START);
    const newer = takeAhead(START + SECOND);
    // Stands in the newer entry, and is taken back of the older one.
    const between = first(shelf.take([{ ...hundred, cost: 5 }], START + SECOND).receipts);
    shelf.settle([{ receipt: between, cost: 0 }], START + SECOND);
    expect(stateOf(shelf)).toEqual([START + HOLD, 5, START + SECOND + HOLD, 15]);
    shelf.settle([{ receipt: older, cost: 0 }], START + SECOND);
    expect(stateOf(shelf)).toEqual([START + SECOND + HOLD, 10]);
    shelf.settle([{ receipt: newer, cost: 0 }], START + SECOND);
    expect(remainingAt(shelf, START + SECOND)).toBe(100);
  });

  it("all come back, also of entries that merged because there were too many", () => {
    const shelf = createShelf();
    const thousand = chargeOf(sliding(1_000, MINUTE));
    const nowMs = START + 59 * SECOND;
    const plain = instants(118, START, 500).flatMap((at) => shelf.take([thousand], at).receipts);
    const held = instants(14, 500, 500).flatMap(
      (holdMs) => shelf.take([{ ...thousand, ahead: ahead(1, holdMs) }], nowMs).receipts,
    );
    expect(stateOf(shelf)).toHaveLength(2 * MAX_ENTRIES);
    shelf.settle(
      [...plain, ...held].map((receipt) => ({ receipt, cost: 0 })),
      nowMs,
    );
    expect(standingOf(shelf.records, thousand, nowMs).remaining).toBe(1_000);
  });

  // Held for less than a slice, single admissions between them would need entries of their own: nothing is.
  it("stand no longer than their time, a window and a slice, however long they go on being taken", () => {
    const anySteps = fc.array(fc.tuple(fc.integer({ min: 1, max: 400 }), fc.nat(10)), {
      minLength: 500,
      maxLength: 700,
      size: "max",
    });
    const wideQuota = sliding(1_000_000, MINUTE);
    const sliceMs = Math.ceil((MINUTE * 7) / 6 / (MAX_ENTRIES - 1));
    fc.assert(
      fc.property(anySteps, fc.integer({ min: MINUTE / 60, max: MINUTE / 6 }), (steps, holdMs) => {
        const shelf = createShelf();
        const taken: Counted[] = [];
        let nowMs = START;
        for (const [moveMs, cost] of steps) {
          nowMs += moveMs;
          // Some are taken singly in between.
          const wanted = cost > 0 ? ahead(0, holdMs) : undefined;
          shelf.takeOne(chargeOf(wideQuota, { cost: cost + 1, ahead: wanted }), nowMs);
          taken.push({ atMs: nowMs, cost: cost + 1 });
        }
        const standing = taken.filter(({ atMs }) => atMs > nowMs - MINUTE - holdMs - sliceMs);
        const most = standing.reduce((sum, { cost }) => sum + cost, 0);
        const { remaining } = standingOf(shelf.records, chargeOf(wideQuota), nowMs);
        expect(1_000_000 - remaining).toBeLessThanOrEqual(most);
      }),
      { numRuns: 30 },
    );
  });

  it("are taken of a concurrency quota, too", () => {
    const quota: Quota = { algorithm: CONCURRENCY, limit: 10, windowMs: MINUTE, burst: 10 };
    const { receipts } = createShelf().take([chargeOf(quota, { ahead: ahead(3) })], START);
    expect(first(receipts)).toMatchObject({ charge: { cost: 4 }, timeMs: START + HOLD });
  });

  it.each([
    ["a token bucket", bucket(100, MINUTE)],
    ["a fixed window", fixed(100, MINUTE)],
  ])("are not to be had of %s, which answers as if none were wanted", (_, quota) => {
    const wanting = createShelf().take([chargeOf(quota, { ahead: ahead(10) })], START);
    const plain = createShelf().take([chargeOf(quota)], START);
    expect(wanting.decisions).toEqual(plain.decisions);
    expect(wanting.changed).toEqual(plain.changed);
    expect(first(wanting.receipts)).toMatchObject({ charge: { cost: 1 }, timeMs: START });
  });
});

/** An admission, how it is used, and what becomes of the rest. */
interface Story {
  readonly moveMs: number;
  readonly cost: number;
  /** Undefined: an ordinary admission. */
  readonly units: number | undefined;
  readonly holdMs: number;
  /** The shares of its units that are used, and of its time after which. The others are given back or lost. */
  readonly used: readonly number[];
  readonly usedAfter: number;
  readonly isGivenBack: boolean;
}

const anyShare = fc.constantFrom(0, 0.1, 0.5, 0.9, 1);

/** @param pace how many of them there are in a window, about */
const anyStoryOf = ({ windowMs, limit }: Quota, pace: number, holdMs: number): fc.Arbitrary<Story> =>
  fc.record({
    moveMs: fc.oneof(
      { weight: pace, arbitrary: fc.integer({ min: 0, max: Math.ceil((2 * windowMs) / pace) }) },
      { weight: 2, arbitrary: fc.integer({ min: 0, max: windowMs }) },
      { weight: 1, arbitrary: fc.integer({ min: -windowMs, max: 0 }) },
    ),
    cost: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: Math.ceil(limit / pace) })),
    units: fc.option(
      fc.integer({ min: 0, max: limit }).map((units) => Math.ceil(units / pace)),
      { freq: 5, nil: undefined },
    ),
    holdMs: fc.oneof({ weight: 20, arbitrary: fc.constant(holdMs) }, fc.nat(holdMs)),
    used: fc.array(anyShare, { minLength: 2, maxLength: 2 }),
    usedAfter: anyShare,
    isGivenBack: fc.boolean(),
  });

const anyHistory = fc
  .tuple(
    fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 100, max: 200 }), fc.constant(10_000)),
    anyWindowMs,
  )
  .map(([limit, windowMs]) => sliding(limit, windowMs))
  .chain((quota) =>
    fc.tuple(fc.constantFrom(5, 60, 300), fc.nat(Math.ceil(quota.windowMs / 10))).chain(([pace, holdMs]) =>
      fc.record({
        quota: fc.constant(quota),
        stories: fc.array(anyStoryOf(quota, pace, holdMs), { minLength: 1, maxLength: 300, size: "max" }),
      }),
    ),
  );

/** A settlement that follows once the key's time is past the last use. */
interface Due {
  readonly atMs: number;
  readonly receipt: Receipt;
  readonly cost: number;
}

describe("promise 1 with permits", () => {
  it("in no trailing window more is used than the limit, whenever within its time a permit is, and whatever is given back", () => {
    let permits = 0;
    let merged = 0;
    fc.assert(
      fc.property(anyHistory, ({ quota, stories }) => {
        const shelf = createShelf();
        const uses: Counted[] = [];
        let due: Due[] = [];
        let clockMs = START + 30 * DAY;
        // As many entries as a window can have, so that some merge.
        for (const atMs of quota.limit > 1_000
          ? instants(127, clockMs, Math.ceil(quota.windowMs / 127))
          : []) {
          clockMs = atMs;
          const cost = Math.floor(quota.limit / 130);
          shelf.takeOne(chargeOf(quota, { cost }), atMs);
          uses.push({ atMs, cost });
        }
        for (const story of stories) {
          clockMs += story.moveMs;
          const ready = due.filter(({ atMs }) => atMs <= clockMs);
          due = due.filter((one) => !ready.includes(one));
          shelf.settle(ready, clockMs);
          const { cost, units, holdMs, used, usedAfter, isGivenBack } = story;
          const wanted = units === undefined ? undefined : { units, holdMs };
          const taken = shelf.take([chargeOf(quota, { cost, ahead: wanted })], clockMs);
          const [receipt] = taken.receipts;
          merged += Number(stateOf(shelf).length === 2 * MAX_ENTRIES);
          if (!receipt) continue;
          const { nowMs } = first(taken.decisions);
          // What it was asked for is used at once, the permits at two instants of their time.
          const [some = 0, others = 0] = used;
          const own = receipt.charge.cost - cost;
          const early = Math.floor(own * some);
          const late = Math.floor((own - early) * others);
          const lastMs = nowMs + Math.floor((receipt.timeMs - nowMs) * usedAfter);
          uses.push({ atMs: nowMs, cost: cost + early }, { atMs: lastMs, cost: late });
          permits += early + late;
          if (isGivenBack) due.push({ atMs: lastMs, receipt, cost: cost + early + late });
        }
        const inOrder = uses.toSorted((a, b) => a.atMs - b.atMs);
        for (const { atMs } of inOrder) expect(roomAt(inOrder, quota, atMs)).toBeGreaterThanOrEqual(0);
      }),
    );
    expect(permits).toBeGreaterThan(1_000);
    expect(merged).toBeGreaterThan(0);
  });
});
