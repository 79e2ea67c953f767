import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyStandingOf } from "../../src/limit/administer.ts";
import type { Charge, Receipt } from "../../src/limit/charge.ts";
import { idleAtMs, type KeyRecord } from "../../src/limit/key-record.ts";
import { ALGORITHMS, MAX_CAPACITY_MS, type Quota, withLimit } from "../../src/limit/quota.ts";
import { type Records, standingOf, takeAll } from "../../src/limit/take.ts";
import { anyCost, anyMove, anyQuotaOf } from "./arbitraries.ts";
import { chargeOf, createShelf, DAY, first, type Shelf, START } from "./fixtures.ts";
import { type Counted, roomAt } from "./oracle.ts";

fc.configureGlobal({ numRuns: 500 });

/** Something that happens some time after what happened before. */
type Step = { readonly moveMs: number } & (
  | { readonly kind: "take"; readonly cost: number }
  | { readonly kind: "override"; readonly limit: number | undefined; readonly forMs: number }
  | { readonly kind: "reset" }
  /** Of the admissions not settled yet the oldest, at a part of its cost. */
  | { readonly kind: "settle"; readonly part: number }
);

/** None, one that blocks, around the quota's own, far above. */
const anyOverrideOf = ({ limit, windowMs }: Quota): fc.Arbitrary<number | undefined> => {
  const most = Math.floor(MAX_CAPACITY_MS / windowMs);
  return fc.oneof(
    fc.constantFrom(undefined, 0, 1, Math.min(limit * 10, most)),
    fc.integer({ min: 0, max: Math.min(2 * limit, most) }),
  );
};

const anyStep = (quota: Quota, backwards: boolean): fc.Arbitrary<Step> => {
  const moveMs = anyMove(quota, backwards);
  const forMs = fc.oneof(anyMove(quota, false), fc.integer({ min: 1, max: 3 * quota.windowMs }));
  const cost = fc.oneof(
    { weight: 3, arbitrary: anyCost(quota) },
    fc.integer({ min: 1, max: 2 * quota.burst }),
  );
  return fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant("take" as const), moveMs, cost }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("override" as const),
        moveMs,
        limit: anyOverrideOf(quota),
        forMs,
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("reset" as const), moveMs }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("settle" as const),
        moveMs,
        part: fc.constantFrom(0, 0.5),
      }),
    },
  );
};

const anyStory = (algorithm: Quota["algorithm"] & (typeof ALGORITHMS)[number], backwards = false) =>
  anyQuotaOf(
    algorithm,
    fc.oneof(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 100, max: 1_000 })),
  ).chain((quota) =>
    fc.record({
      quota: fc.constant(quota),
      steps: fc.array(anyStep(quota, backwards), { minLength: 2, maxLength: 40, size: "max" }),
    }),
  );

/** The quota in force; of a block none. */
function inForce(records: Records, charge: Charge, atMs: number): Quota | undefined {
  const { limit } = keyStandingOf(records, charge, atMs);
  return limit === 0
    ? undefined
    : limit === charge.quota.limit
      ? charge.quota
      : withLimit(charge.quota, limit);
}

describe.each(ALGORITHMS)("promise 1 with overrides, resets and returns, of %s", (algorithm) => {
  it("admits nothing above the limit in force", () => {
    let overridden = 0;
    fc.assert(
      fc.property(anyStory(algorithm, true), ({ quota, steps }) => {
        const shelf = createShelf();
        const charge = chargeOf(quota);
        let history: Counted[] = [];
        /** A bucket is full at best when its limit changes: only what came since counts against it. */
        let sinceChange = 0;
        let before: Quota | undefined = quota;
        const open: { receipt: Receipt; own: Counted }[] = [];
        let clockMs = START + 10 * DAY;
        for (const step of steps) {
          clockMs += step.moveMs;
          const nowMs = Math.max(clockMs, shelf.records.get("caller")?.atMs ?? 0);
          if (step.kind === "override") {
            shelf.override(charge, step.limit, step.forMs, nowMs);
            sinceChange = history.length;
          }
          if (step.kind === "reset") {
            shelf.administer({ kind: "reset", charges: [charge] }, clockMs);
            history = [];
            sinceChange = 0;
          }
          const force = inForce(shelf.records, charge, clockMs);
          if (force?.limit !== before?.limit) sinceChange = history.length;
          before = force;
          if (step.kind === "settle") {
            const settled = open.shift();
            if (!settled) continue;
            const { receipt, own } = settled;
            const cost = Math.floor(receipt.charge.cost * step.part);
            shelf.settle([{ receipt, cost }], clockMs);
            own.cost = cost;
          }
          if (step.kind !== "take") continue;
          const { decisions, receipts } = shelf.take([{ ...charge, cost: step.cost }], clockMs);
          const [receipt] = receipts;
          if (!receipt) continue;
          overridden += Number(receipt.limit !== undefined);
          const own = { atMs: first(decisions).nowMs, cost: step.cost };
          history.push(own);
          open.push({ receipt, own });
          if (!force) throw new Error("admitted though it is blocked");
          const counted = algorithm === "token-bucket" ? history.slice(sinceChange) : history;
          expect(roomAt(counted, force, own.atMs)).toBeGreaterThanOrEqual(0);
        }
      }),
    );
    expect(overridden).toBeGreaterThan(0);
  });
});

describe.each(ALGORITHMS)("promise 3 with overrides, of %s", (algorithm) => {
  /** A shelf as a story left it, and the charge that is asked for next. */
  const anyOutcome = anyStory(algorithm).map(({ quota, steps }) => {
    const shelf = createShelf();
    const charge = chargeOf(quota);
    let clockMs = START;
    let cost = 1;
    for (const step of steps) {
      clockMs += step.moveMs;
      if (step.kind === "override") shelf.override(charge, step.limit, step.forMs, clockMs);
      if (step.kind !== "take") continue;
      ({ cost } = step);
      shelf.takeOne({ ...charge, cost }, clockMs);
    }
    return { records: shelf.records, charge: { ...charge, cost }, clockMs };
  });
  const decide = (records: Records, charge: Charge, clockMs: number) =>
    first(takeAll(records, [charge], clockMs).decisions);
  const burstAt = (records: Records, charge: Charge, clockMs: number) =>
    inForce(records, charge, clockMs)?.burst ?? Number.POSITIVE_INFINITY;

  it("a refused charge is refused one millisecond before `retryAfterMs`, and admitted at it", () => {
    let refused = 0;
    fc.assert(
      fc.property(anyOutcome, ({ records, charge, clockMs }) => {
        const { allowed, limit, retryAfterMs } = decide(records, charge, clockMs);
        if (allowed || retryAfterMs === Number.POSITIVE_INFINITY) return;
        refused += Number(limit !== undefined);
        expect(decide(records, charge, clockMs + retryAfterMs - 1).allowed).toBe(false);
        expect(decide(records, charge, clockMs + retryAfterMs).allowed).toBe(true);
      }),
    );
    expect(refused).toBeGreaterThan(0);
  });

  it("a charge that waits for ever is never admitted, neither before the override ends nor after", () => {
    fc.assert(
      fc.property(anyOutcome, fc.nat(10 * DAY), ({ records, charge, clockMs }, laterMs) => {
        if (decide(records, charge, clockMs).retryAfterMs !== Number.POSITIVE_INFINITY) return;
        expect(decide(records, charge, clockMs + laterMs).allowed).toBe(false);
      }),
    );
  });

  it("exactly `remaining` is admitted right after", () => {
    fc.assert(
      fc.property(anyOutcome, ({ records, charge, clockMs }) => {
        const { remaining } = standingOf(records, charge, clockMs);
        if (remaining > 0)
          expect(decide(records, { ...charge, cost: remaining }, clockMs).allowed).toBe(true);
        expect(decide(records, { ...charge, cost: remaining + 1 }, clockMs).allowed).toBe(false);
      }),
    );
  });

  it("`remaining` grows, or the quota is whole, after exactly `moreRoomMs`", () => {
    fc.assert(
      fc.property(anyOutcome, ({ records, charge, clockMs }) => {
        const { remaining, moreRoomMs } = standingOf(records, charge, clockMs);
        const isReached = (atMs: number): boolean => {
          const now = standingOf(records, charge, atMs).remaining;
          return now > remaining || now === burstAt(records, charge, atMs);
        };
        expect(isReached(clockMs + moreRoomMs)).toBe(true);
        if (moreRoomMs > 0) expect(isReached(clockMs + moreRoomMs - 1)).toBe(false);
      }),
    );
  });

  it("the quota in force is whole after exactly `resetMs`", () => {
    fc.assert(
      fc.property(anyOutcome, ({ records, charge, clockMs }) => {
        const isWhole = (atMs: number): boolean =>
          standingOf(records, charge, atMs).remaining === burstAt(records, charge, atMs);
        const { resetMs } = standingOf(records, charge, clockMs);
        expect(isWhole(clockMs + resetMs)).toBe(true);
        if (resetMs > 0) expect(isWhole(clockMs + resetMs - 1)).toBe(false);
      }),
    );
  });

  it("what operators see says when one unit fits", () => {
    fc.assert(
      fc.property(anyOutcome, ({ records, charge, clockMs }) => {
        const { retryAfterMs } = keyStandingOf(records, charge, clockMs);
        const one = { ...charge, cost: 1 };
        expect(decide(records, one, clockMs + retryAfterMs).allowed).toBe(true);
        if (retryAfterMs > 0) expect(decide(records, one, clockMs + retryAfterMs - 1).allowed).toBe(false);
      }),
    );
  });

  it("every number is a whole one and none is negative", () => {
    fc.assert(
      fc.property(anyOutcome, ({ records, charge, clockMs }) => {
        const { allowed, retryAfterMs, ...numbers } = decide(records, charge, clockMs);
        const finite = retryAfterMs === Number.POSITIVE_INFINITY ? 0 : retryAfterMs;
        const all = [
          finite,
          ...Object.values(numbers),
          ...Object.values(keyStandingOf(records, charge, clockMs)),
        ];
        expect(all.filter((number) => !Number.isSafeInteger(number) || Number(number) < 0)).toEqual([]);
      }),
    );
  });
});

describe.each(ALGORITHMS)("promises 2 and 9 with overrides, of %s", (algorithm) => {
  function play(shelf: Shelf, charge: Charge, steps: readonly Step[]): number {
    let clockMs = START;
    for (const step of steps) {
      clockMs += step.moveMs;
      if (step.kind === "override") shelf.override(charge, step.limit, step.forMs, clockMs);
      if (step.kind === "reset") shelf.administer({ kind: "reset", charges: [charge] }, clockMs);
      if (step.kind === "take") shelf.take([{ ...charge, cost: step.cost }], clockMs);
    }
    return clockMs;
  }

  it("a refusal changes nothing, and charges no quota beside it", () => {
    fc.assert(
      fc.property(anyStory(algorithm), ({ quota, steps }) => {
        const shelf = createShelf();
        const charge = chargeOf(quota);
        const clockMs = play(shelf, charge, steps);
        const roomy = chargeOf({ ...quota, windowMs: 60_000, limit: 9, burst: 9 }, { count: "roomy" });
        const { admitted, receipts, changed } = shelf.take([roomy, charge], clockMs);
        if (!admitted) expect([receipts, [...changed]]).toEqual([[], []]);
      }),
    );
  });

  it("from its idle instant on a record means the same as none", () => {
    fc.assert(
      fc.property(anyStory(algorithm), fc.nat(DAY), ({ quota, steps }, laterMs) => {
        const shelf = createShelf();
        const charge = chargeOf(quota);
        play(shelf, charge, steps);
        const record = shelf.records.get("caller");
        if (!record) return;
        const clockMs = idleAtMs(record) + laterMs;
        const forgotten = { ...record, counts: {} } satisfies KeyRecord;
        expect(keyStandingOf(shelf.records, charge, clockMs)).toEqual(
          keyStandingOf(new Map([["caller", forgotten]]), charge, clockMs),
        );
      }),
    );
  });
});
