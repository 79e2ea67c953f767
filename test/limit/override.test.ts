import { describe, expect, it } from "vitest";
import { keyStandingOf } from "../../src/limit/administer.ts";
import { EMPTY_RECORD, idleAtMs } from "../../src/limit/key-record.ts";
import { CONCURRENCY, MAX_CAPACITY_MS, type Quota } from "../../src/limit/quota.ts";
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

const five = chargeOf(sliding(5, MINUTE));
const concurrent: Quota = { algorithm: CONCURRENCY, limit: 3, windowMs: 3 * MINUTE, burst: 3 };

/** A shelf with an override of an hour from `START` on. */
function overridden(charge = five, limit = 20) {
  const shelf = createShelf();
  shelf.override(charge, limit, HOUR, START);
  return shelf;
}

const admitted = (shelf: ReturnType<typeof createShelf>, charge: typeof five, atMs: number): number =>
  allowedAt(shelf, charge, instants(100, atMs, 0)).filter(Boolean).length;

describe("an override", () => {
  it.each([
    ["sliding window", sliding(5, MINUTE)],
    ["token bucket", bucket(5, MINUTE)],
    ["fixed window", fixed(5, MINUTE)],
    ["concurrency", concurrent],
  ])("replaces the limit of a %s, up and down", (_, quota) => {
    expect(admitted(overridden(chargeOf(quota), 20), chargeOf(quota), START)).toBe(20);
    expect(admitted(overridden(chargeOf(quota), 2), chargeOf(quota), START)).toBe(2);
  });

  it("counts on from what was counted before", () => {
    const shelf = createShelf();
    allowedAt(shelf, five, instants(5, START, 0));
    shelf.override(five, 8, HOUR, START);
    expect(shelf.takeOne(five, START)).toMatchObject({ allowed: true, limit: 8, remaining: 2 });
  });

  it("is spoken of in every decision while it is in force, and only then", () => {
    const shelf = overridden();
    expect(shelf.takeOne(five, START + HOUR - 1)).toMatchObject({ limit: 20 });
    expect(shelf.takeOne(five, START + HOUR)).not.toHaveProperty("limit");
  });

  it("leaves the quota in force again from its end on", () => {
    const shelf = overridden();
    expect(admitted(shelf, five, START + HOUR - 2 * MINUTE)).toBe(20);
    expect(admitted(shelf, five, START + HOUR)).toBe(5);
  });

  it("ends at once when an operator ends it", () => {
    const shelf = overridden();
    shelf.override(five, undefined, 0, START + SECOND);
    expect(admitted(shelf, five, START + SECOND)).toBe(5);
  });

  it("is replaced by the next", () => {
    const shelf = overridden();
    shelf.override(five, 7, MINUTE, START);
    expect(keyStandingOf(shelf.records, five, START)).toMatchObject({
      limit: 7,
      overriddenUntilMs: START + MINUTE,
    });
  });

  it("is none when its end has passed already", () => {
    const shelf = createShelf();
    shelf.override(five, 20, 0, START);
    expect(shelf.takeOne(five, START)).not.toHaveProperty("limit");
  });

  it("stands beside others of its key, which end by themselves", () => {
    const hour = chargeOf(sliding(50, HOUR));
    const shelf = overridden();
    shelf.override(hour, 70, MINUTE, START);
    shelf.override(five, 6, 2 * HOUR, START);
    const limits = (atMs: number) =>
      [five, hour].map((charge) => keyStandingOf(shelf.records, charge, atMs).limit);
    expect([limits(START), limits(START + MINUTE), limits(START + 2 * HOUR)]).toEqual([
      [6, 70],
      [6, 50],
      [5, 50],
    ]);
  });

  it("is for one quota of one key", () => {
    const shelf = overridden();
    expect(shelf.takeOne({ ...five, key: "other" }, START)).not.toHaveProperty("limit");
    expect(shelf.takeOne(chargeOf(sliding(5, HOUR)), START)).not.toHaveProperty("limit");
  });

  it("raises and lowers a bucket's burst in proportion, in whole numbers and to at least 1", () => {
    const charge = chargeOf(bucket(60, MINUTE, 10));
    expect(admitted(overridden(charge, 120), charge, START)).toBe(20);
    expect(admitted(overridden(charge, 45), charge, START)).toBe(7);
    expect(admitted(overridden(charge, 1), charge, START)).toBe(1);
  });

  it("with a burst past the largest capacity has that", () => {
    const charge = chargeOf(bucket(1, MINUTE, 1_000_000));
    const limit = MAX_CAPACITY_MS / MINUTE / 4;
    const { remaining, nowMs } = keyStandingOf(overridden(charge, Math.floor(limit)).records, charge, START);
    expect(remaining).toBe(Math.floor(MAX_CAPACITY_MS / MINUTE));
    expect(nowMs).toBe(START);
  });

  it("pays a bucket's debt back by the limit in force", () => {
    const charge = chargeOf(bucket(60, MINUTE));
    const shelf = overridden(charge, 120);
    expect(admitted(shelf, charge, START)).toBe(100);
    expect(keyStandingOf(shelf.records, charge, START + SECOND).remaining).toBe(22);
  });

  it.each([
    ["no list", { limit: 5 }],
    ["empty", []],
    ["no entry", [5]],
    ["a negative limit", [[five.count, -1, START + HOUR]]],
    ["a fraction", [[five.count, 1.5, START + HOUR]]],
    ["text", [[five.count, "5", START + HOUR]]],
    ["without an end", [[five.count, 5]]],
    ["at its end", [[five.count, 5, START]]],
    ["another count's", [["other", 5, START + HOUR]]],
    [
      "a limit past what the arithmetic keeps exact",
      [[five.count, MAX_CAPACITY_MS / MINUTE + 1, START + HOUR]],
    ],
  ])("that is stored as %s is none", (_, state) => {
    const shelf = createShelf();
    const counts = { overrides: { untilMs: START + HOUR, state } };
    (shelf.records as Map<string, unknown>).set("caller", { format: 1, epoch: 0, atMs: START, counts });
    const decision = shelf.takeOne(five, START);
    expect(decision).toMatchObject({ allowed: true, remaining: 4 });
    expect(decision).not.toHaveProperty("limit");
  });

  it("halves what remains under it for permits taken ahead", () => {
    const charge = chargeOf(sliding(100, MINUTE), { ahead: { units: 50, holdMs: 2 * SECOND } });
    expect(overridden(charge, 11).takeOne(charge, START)).toMatchObject({ permits: 5, remaining: 5 });
  });

  it("writes an admission in its own slices, and so does the receipt", () => {
    const shelf = overridden(chargeOf(sliding(100, HOUR)), 1_000);
    const { receipts } = shelf.take([chargeOf(sliding(100, HOUR))], START + 1);
    const sliceMs = Math.ceil(HOUR / 127);
    expect(first(receipts)).toMatchObject({
      limit: 1_000,
      timeMs: Math.ceil((START + 1) / sliceMs) * sliceMs,
    });
    shelf.settle([{ receipt: first(receipts), cost: 0 }], START + 1);
    expect(keyStandingOf(shelf.records, chargeOf(sliding(100, HOUR)), START + 1).remaining).toBe(1_000);
  });

  it("of a shadow lets pass all the same, and shows what it would refuse", () => {
    const shadow = { ...five, shadow: true };
    const shelf = overridden(shadow, 0);
    const { admitted, decisions, receipts } = shelf.take([shadow], START);
    expect([admitted, first(decisions).allowed, receipts]).toEqual([true, false, []]);
  });
});

describe("a wait under an override", () => {
  it("that would be over just when the override is goes by the quota itself", () => {
    const shelf = createShelf();
    allowedAt(shelf, five, instants(5, START, 0));
    shelf.override(five, 20, MINUTE, START);
    allowedAt(shelf, five, instants(15, START + 10 * SECOND, 0));
    const refused = shelf.takeOne(five, START + 10 * SECOND);
    expect(refused).toMatchObject({ allowed: false, retryAfterMs: MINUTE });
    expect(allowedAt(shelf, five, [START + MINUTE, START + MINUTE + 10 * SECOND])).toEqual([false, true]);
  });
});

describe("an override of 0", () => {
  it.each([
    ["sliding window", sliding(5, MINUTE)],
    ["token bucket", bucket(5, MINUTE)],
    ["fixed window", fixed(5, MINUTE)],
    ["concurrency", concurrent],
  ])("blocks a %s until its end", (_, quota) => {
    const charge = chargeOf(quota);
    const shelf = overridden(charge, 0);
    expect(shelf.takeOne(charge, START + SECOND)).toMatchObject({
      allowed: false,
      limit: 0,
      remaining: 0,
      retryAfterMs: HOUR - SECOND,
      moreRoomMs: HOUR - SECOND,
      resetMs: HOUR - SECOND,
    });
    expect(shelf.takeOne(charge, START + HOUR - 1).allowed).toBe(false);
    expect(shelf.takeOne(charge, START + HOUR).allowed).toBe(true);
  });

  it("waits on where the quota itself has no room at its end", () => {
    const shelf = createShelf();
    allowedAt(shelf, five, instants(5, START, 0));
    shelf.override(five, 0, SECOND, START);
    expect(shelf.takeOne(five, START)).toMatchObject({ retryAfterMs: MINUTE, resetMs: MINUTE });
  });

  it("says of what never fits the quota that it never does", () => {
    expect(overridden(five, 0).takeOne({ ...five, cost: 6 }, START).retryAfterMs).toBe(
      Number.POSITIVE_INFINITY,
    );
  });

  it("still takes settlements of what was admitted before", () => {
    const shelf = createShelf();
    const { receipts } = shelf.take([{ ...five, cost: 3 }], START);
    shelf.override(five, 0, SECOND, START);
    shelf.settle([{ receipt: first(receipts), cost: 1 }], START);
    expect(keyStandingOf(shelf.records, five, START + SECOND).remaining).toBe(4);
  });

  it("counts refusals towards a lockout like any limit", () => {
    const charge = { ...five, lockout: lockoutOf(2, MINUTE, 2 * HOUR) };
    const shelf = overridden(charge, 0);
    shelf.takeOne(charge, START);
    expect(shelf.takeOne(charge, START)).toMatchObject({ lockedOut: true, limit: 0, retryAfterMs: 2 * HOUR });
  });
});

describe("an override and a lockout", () => {
  const charge = { ...five, lockout: lockoutOf(1, MINUTE, 10 * MINUTE) };
  const lockedOut = () => {
    const shelf = createShelf();
    allowedAt(shelf, charge, instants(6, START, 0));
    return shelf;
  };

  it("do not end one another: a raise leaves the key locked out", () => {
    const shelf = lockedOut();
    shelf.override(charge, 100, HOUR, START);
    expect(shelf.takeOne(charge, START)).toMatchObject({
      lockedOut: true,
      limit: 100,
      remaining: 0,
      retryAfterMs: 10 * MINUTE,
    });
    expect(shelf.takeOne(charge, START + 10 * MINUTE)).toMatchObject({ allowed: true, remaining: 99 });
  });

  it("wait for both", () => {
    const shelf = lockedOut();
    shelf.override(charge, 0, HOUR, START);
    expect(shelf.takeOne(charge, START).retryAfterMs).toBe(HOUR);
    shelf.override(charge, 0, MINUTE, START);
    expect(shelf.takeOne(charge, START).retryAfterMs).toBe(10 * MINUTE);
  });
});

describe("what is given back around an override", () => {
  it("of a window is what stands, whatever the limit is now", () => {
    const shelf = createShelf();
    const { receipts } = shelf.take([{ ...five, cost: 5 }], START);
    shelf.override(five, 8, HOUR, START);
    shelf.settle([{ receipt: first(receipts), cost: 1 }], START);
    expect(keyStandingOf(shelf.records, five, START).remaining).toBe(7);
  });

  const sixty = chargeOf(bucket(60, MINUTE));

  it("of a bucket is nothing when an override was set or ended by an operator since: its debt was paid otherwise", () => {
    for (const limit of [600, undefined]) {
      const shelf = createShelf();
      const { receipts } = shelf.take([{ ...sixty, cost: 50 }], START);
      shelf.override(sixty, limit, HOUR, START);
      expect(shelf.settle([{ receipt: first(receipts), cost: 0 }], START).size).toBe(0);
    }
  });

  it("of a bucket is nothing when the override that it was admitted by has run out", () => {
    const shelf = createShelf();
    shelf.override(sixty, 600, SECOND, START);
    const { receipts } = shelf.take([{ ...sixty, cost: 50 }], START);
    expect(shelf.settle([{ receipt: first(receipts), cost: 0 }], START + SECOND).size).toBe(0);
  });

  it.each([
    ["set anew", (shelf: Shelf, charge: typeof five) => shelf.override(charge, 1, HOUR, START)],
    [
      "reset",
      (shelf: Shelf, charge: typeof five) => shelf.administer({ kind: "reset", charges: [charge] }, START),
    ],
  ])(
    "of a bucket is nothing when it was %s, for as long as the lower limit takes to pay it back",
    (_, edit) => {
      const charge = chargeOf(bucket(60, MINUTE, 10));
      const shelf = overridden(charge, 1);
      const { receipts } = shelf.take([charge], START);
      edit(shelf, charge);
      shelf.take([charge], START);
      expect(shelf.settle([{ receipt: first(receipts), cost: 0 }], START + 30 * SECOND).size).toBe(0);
    },
  );

  it("of a bucket comes back under the override that it was admitted by", () => {
    const shelf = overridden(sixty, 600);
    const { receipts } = shelf.take([{ ...sixty, cost: 500 }], START);
    shelf.settle([{ receipt: first(receipts), cost: 0 }], START);
    expect(keyStandingOf(shelf.records, sixty, START).remaining).toBe(600);
  });
});

describe("what is charged above a receipt under an override", () => {
  it("of a bucket is added to a debt that was paid back by the limit in force", () => {
    const sixty = chargeOf(bucket(60, MINUTE));
    const shelf = overridden(sixty, 600);
    const { receipts } = shelf.take([{ ...sixty, cost: 500 }], START);
    shelf.settle([{ receipt: first(receipts), cost: 600 }], START + 10 * SECOND);
    expect(keyStandingOf(shelf.records, sixty, START + 10 * SECOND).remaining).toBe(100);
  });
});

describe("a record with an override", () => {
  it("is kept until the override ends, and no longer", () => {
    const shelf = overridden();
    const idleMs = () => idleAtMs(shelf.records.get("caller") ?? EMPTY_RECORD);
    expect(idleMs()).toBe(START + HOUR);
    shelf.override(five, undefined, 0, START);
    expect(idleMs()).toBe(0);
  });

  it("keeps a bucket's debt for as long as a lower limit takes to pay it back", () => {
    const charge = chargeOf(bucket(60, MINUTE));
    const shelf = createShelf();
    shelf.takeOne({ ...charge, cost: 60 }, START);
    shelf.override(charge, 1, 2 * HOUR, START);
    expect(shelf.takeOne(charge, START + 50 * MINUTE).allowed).toBe(false);
    expect(shelf.takeOne(charge, START + HOUR - 1).allowed).toBe(false);
    expect(shelf.takeOne(charge, START + HOUR).allowed).toBe(true);
  });
});
