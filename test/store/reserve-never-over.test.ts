import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rulesFor } from "../../src/limit/algorithms.ts";
import type { Charge, Receipt } from "../../src/limit/charge.ts";
import { type KeyRecord, storedState } from "../../src/limit/key-record.ts";
import { ALGORITHMS, type Quota } from "../../src/limit/quota.ts";
import { standingOf } from "../../src/limit/take.ts";
import { type Counted, roomAt } from "../limit/oracle.ts";
import { type CounterWorld, createCounterWorld } from "./counter-world.ts";
import { charge, quota } from "./fixtures.ts";

/** What happens to an object, some time after what happened before. */
interface Event {
  readonly waitMs: number;
  /** A burst of them, or none. */
  readonly takes: number;
  readonly cost: number;
  /** The memory is lost before it, and what comes next has another clock. */
  readonly skewMs: number | undefined;
  /** They come until one is refused. */
  readonly isFlood: boolean;
  /** Of the admissions not settled yet, how the oldest and the newest turn out: as a part of the cost. */
  readonly trueParts: readonly number[];
}

const anyWait = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 5, max: 100 }) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 400 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 3_000 }) },
  // Around the end of what was reserved.
  { weight: 2, arbitrary: fc.integer({ min: 850, max: 1_150 }) },
);

const anyEvent = (trueParts: fc.Arbitrary<number[]>): fc.Arbitrary<Event> =>
  fc.record({
    waitMs: anyWait,
    takes: fc.oneof(fc.constant(1), fc.integer({ min: 0, max: 12 })),
    cost: fc.oneof({ weight: 5, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: 4 })),
    isFlood: fc.constantFrom(true, ...Array.from({ length: 19 }, () => false)),
    skewMs: fc.option(fc.constantFrom(0, 0, -1, -400, -1_500, 700), { freq: 20, nil: undefined }),
    trueParts,
  });

const anyLimit = fc.oneof(
  fc.integer({ min: 10, max: 60 }),
  fc.integer({ min: 60, max: 200 }),
  fc.integer({ min: 200, max: 800 }),
);
const anyQuota = (algorithm: Quota["algorithm"]): fc.Arbitrary<Quota> =>
  fc
    .tuple(anyLimit, fc.constantFrom(1_000, 2_000, 5_000, 10_000), fc.constantFrom(1, 1, 3))
    .map(([limit, windowMs, bursts]) =>
      quota(limit, windowMs, algorithm, algorithm === "token-bucket" ? limit * bursts : limit),
    );

const anyHistory = (trueParts: fc.Arbitrary<number[]>) =>
  fc.array(anyEvent(trueParts), { minLength: 20, maxLength: 200, size: "max" });

/** Something admitted, and the receipt to settle it with. */
interface Admitted extends Counted {
  readonly receipt: Receipt;
}

/** What a test looks at, after each burst and after what was settled then. */
interface Checks {
  afterTakes?(history: readonly Counted[]): void;
  afterAll?(): void;
}

/** Lets it all happen, and says how many admissions needed no write. */
function run(world: CounterWorld, one: Charge, events: readonly Event[], checks: Checks): number {
  const history: Admitted[] = [];
  let open: Admitted[] = [];
  let unwritten = 0;

  /** Whether it was admitted. */
  function take(cost: number): boolean {
    const writes = world.disk.puts.length;
    const { reply, pure } = world.take([{ ...one, cost }]);
    // While it lives its numbers are exact, whatever is reserved.
    expect(reply.decisions).toEqual(pure.decisions);
    expect(reply.decisions[0]?.nowMs).toBeLessThanOrEqual(world.latestMs);
    const [receipt] = reply.receipts;
    if (!receipt) return false;
    const admitted = { atMs: receipt.timeMs, cost, receipt };
    history.push(admitted);
    open.push(admitted);
    unwritten += Number(world.disk.puts.length === writes);
    return true;
  }

  function settle(own: Admitted, part: number): void {
    const trueCost = Math.floor(own.cost * part);
    world.settle([{ receipt: own.receipt, cost: trueCost }]);
    own.cost = Math.min(own.cost, trueCost);
  }

  for (const { waitMs, takes, cost, skewMs, isFlood, trueParts } of events) {
    world.pass(waitMs);
    if (skewMs !== undefined) {
      world.restart();
      world.pass(skewMs);
    }
    for (let i = 0; i < takes; i++) take(cost);
    while (isFlood && take(1));
    checks.afterTakes?.(history);
    for (const part of trueParts) {
      const own = open.shift();
      if (own) settle(own, part);
    }
    // Late ones, and such that were made just now.
    open = open.toReversed();
    checks.afterAll?.();
  }
  return unwritten;
}

/** The least room that any window since the newest admission leaves, by everything that was admitted. */
function leastRoom(history: readonly Counted[], ofQuota: Quota): number {
  // The clock may have run back: what came later by its time stands beside what was admitted just now.
  const newestMs = history.at(-1)?.atMs ?? 0;
  const inOrder = history.toSorted((a, b) => a.atMs - b.atMs);
  const instants = new Set(inOrder.map(({ atMs }) => atMs).filter((atMs) => atMs >= newestMs));
  const rooms = [...instants].map((nowMs) => {
    const counted = inOrder.filter(({ atMs }) => atMs <= nowMs);
    return roomAt(counted, ofQuota, nowMs);
  });
  return Math.min(ofQuota.burst, ...rooms);
}

/** What the stored record leaves, less what the exact one does, now and at later instants. */
function surpluses(world: CounterWorld, { key, count, quota }: Charge): number[] {
  const rules = rulesFor(quota.algorithm);
  const [stored, exact] = [world.stored(key), world.exact(key)];
  const nowMs = Math.max(world.clockMs, exact.atMs);
  const remaining = (record: KeyRecord, atMs: number) =>
    rules.remaining(rules.read(storedState(record, count, atMs)), quota, atMs);
  const { windowMs } = quota;
  const laterMs = [0, 1, 100, 500, 999, 1_000, 1_001, windowMs / 2, windowMs - 1, windowMs, windowMs + 500];
  return laterMs.map((ms) => remaining(stored, nowMs + ms) - remaining(exact, nowMs + ms));
}

const refunds = fc.array(fc.constantFrom(0, 0.5, 1), { maxLength: 4 });
const settlements = fc.array(fc.constantFrom(0, 0.5, 1, 3), { maxLength: 4 });

describe.each(ALGORITHMS)("a key object that may lose its memory at any moment, with %s", (algorithm) => {
  it("never admits too much, and answers by exact numbers while it lives", () => {
    let unwritten = 0;
    let full = 0;
    fc.assert(
      fc.property(anyQuota(algorithm), anyHistory(refunds), (ofQuota, events) => {
        const world = createCounterWorld();
        let least = ofQuota.burst;
        unwritten += run(world, charge({ quota: ofQuota }), events, {
          afterTakes(history) {
            least = Math.min(least, leastRoom(history, ofQuota));
            expect(least).toBeGreaterThanOrEqual(0);
          },
        });
        full += Number(least < ofQuota.burst / 10);
      }),
      { numRuns: 80 },
    );
    // Else it may hold because nothing was reserved, or nothing came near the limit.
    expect(unwritten).toBeGreaterThan(1_000);
    expect(full).toBeGreaterThan(0);
  });

  it("has at least as much in storage as in memory after every step, whatever is settled", () => {
    let unwritten = 0;
    let more = 0;
    fc.assert(
      fc.property(anyQuota(algorithm), anyHistory(settlements), (ofQuota, events) => {
        const one = charge({ quota: ofQuota });
        const world = createCounterWorld();
        unwritten += run(world, one, events, {
          afterAll() {
            const all = surpluses(world, one);
            expect(Math.max(...all)).toBeLessThanOrEqual(0);
            more += Number(Math.min(...all) < 0);
          },
        });
      }),
      { numRuns: 80 },
    );
    expect(unwritten).toBeGreaterThan(1_000);
    expect(more).toBeGreaterThan(100);
  });
});

describe("a key object whose limit operators change", () => {
  const anyChange = fc.record({
    waitMs: anyWait,
    takes: fc.integer({ min: 0, max: 12 }),
    cost: fc.integer({ min: 1, max: 3 }),
    /** As a part of the quota's own limit; none: the override ends, or nothing is edited. */
    override: fc.option(
      fc.record({
        part: fc.constantFrom(undefined, 0, 0.3, 1, 4),
        forMs: fc.integer({ min: 1, max: 4_000 }),
      }),
      { freq: 12, nil: undefined },
    ),
    isReset: fc.constantFrom(true, ...Array.from({ length: 30 }, () => false)),
    isRestart: fc.constantFrom(true, ...Array.from({ length: 30 }, () => false)),
  });

  // A bucket's debt is paid back by the limit of the moment: what its record says of later depends on when it was written.
  it.each(["sliding-window", "fixed-window"] as const)(
    "has at least as much in storage as in memory, now and when the override has ended, with %s",
    (algorithm) => {
      let unwritten = 0;
      let overridden = 0;
      fc.assert(
        fc.property(
          anyQuota(algorithm),
          fc.array(anyChange, { minLength: 20, maxLength: 150, size: "max" }),
          (ofQuota, changes) => {
            const one = charge({ quota: ofQuota });
            const world = createCounterWorld();
            for (const { waitMs, takes, cost, override, isReset, isRestart } of changes) {
              world.pass(waitMs);
              if (isRestart) world.restart();
              const { part, forMs = 0 } = override ?? {};
              const limit = part === undefined ? undefined : Math.ceil(part * ofQuota.limit);
              if (override) world.override(one, limit, forMs);
              if (isReset) world.administer({ kind: "reset", charges: [one] });
              for (let i = 0; i < takes; i++) {
                const writes = world.disk.puts.length;
                const { reply, pure } = world.take([{ ...one, cost }]);
                expect(reply.decisions).toEqual(pure.decisions);
                const isUnwritten = reply.admitted && world.disk.puts.length === writes;
                unwritten += Number(isUnwritten);
                overridden += Number(isUnwritten && reply.decisions[0]?.limit !== undefined);
              }
              for (const ms of [0, 1, 500, 999, 1_000, 2_000, 4_000]) {
                const left = (record: KeyRecord) =>
                  standingOf(new Map([[one.key, record]]), one, world.clockMs + ms).remaining;
                expect(left(world.stored(one.key))).toBeLessThanOrEqual(left(world.exact(one.key)));
              }
            }
          },
        ),
        { numRuns: 60 },
      );
      expect(unwritten).toBeGreaterThan(0);
      expect(overridden).toBeGreaterThan(0);
    },
  );
});
