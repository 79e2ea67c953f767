import { describe, expect, it } from "vitest";
import type { Charge, Receipt } from "../../src/limit/charge.ts";
import { ALGORITHMS, CONCURRENCY } from "../../src/limit/quota.ts";
import { standingOf } from "../../src/limit/take.ts";
import { type CounterWorld, createCounterWorld } from "./counter-world.ts";
import { charge, lockoutOf, quota, START_MS } from "./fixtures.ts";

const plenty = charge({ quota: quota(100_000, 60_000) });

/** Admissions at an even pace, and what they needed. */
function run(world: CounterWorld, charges: readonly Charge[], perSecond: number, seconds: number) {
  const before = world.disk.puts.length;
  let admitted = 0;
  const receipts: Receipt[] = [];
  for (let i = 0; i < perSecond * seconds; i++) {
    const { reply } = world.take(charges);
    admitted += Number(reply.admitted);
    receipts.push(...reply.receipts);
    world.pass(1_000 / perSecond);
  }
  return { admitted, receipts, writes: world.disk.puts.length - before };
}

/** A world whose key is so busy that it has a reserve. */
function busyWorld(charges: readonly Charge[] = [plenty]): CounterWorld {
  const world = createCounterWorld();
  run(world, charges, 100, 12);
  return world;
}

const writesOf = (world: CounterWorld, act: () => void): number => {
  const before = world.disk.puts.length;
  act();
  return world.disk.puts.length - before;
};

function take(world: CounterWorld, one: Charge, times: number): void {
  for (let i = 0; i < times; i++) world.take([one]);
}

const remaining = (world: CounterWorld, which: "stored" | "exact", one = plenty): number =>
  standingOf(new Map([[one.key, world[which](one.key)]]), one, world.clockMs).remaining;

describe("a counter", () => {
  it("lets nobody remember a refusal while its lost memory may have known of something to be given back", () => {
    const world = createCounterWorld();
    const one = charge({ quota: quota(1, 60_000) });
    const isFinal = () => world.take([one]).reply.final;
    world.take([one]);
    expect(isFinal()).toBe(true);
    world.restart();
    expect(isFinal()).toBe(false);
    world.pass(5_000);
    expect(isFinal()).toBe(true);
    // The platform leaves an idle object in memory for longer.
    world.pass(10_000);
    world.restart();
    expect(isFinal()).toBe(true);
  });

  it.each([1, 2])("writes every admission of a key with %i a second", (perSecond) => {
    const world = createCounterWorld();
    expect(run(world, [plenty], perSecond, 30).writes).toBe(30 * perSecond);
    expect(world.stored("alice")).toEqual(world.exact("alice"));
  });

  it.each(ALGORITHMS.flatMap((algorithm) => [5, 10, 100, 1_000].map((pace) => [pace, algorithm] as const)))(
    "writes once a second for %i a second, and some times more at first, by %s",
    (pace, algorithm) => {
      const world = createCounterWorld();
      const one = charge({ quota: quota(200_000, 60_000, algorithm) });
      expect(run(world, [one], pace, 10).writes).toBeLessThanOrEqual(70);
      expect(run(world, [one], pace, 30)).toMatchObject({ admitted: 30 * pace });
      expect(run(world, [one], pace, 30).writes).toBeLessThanOrEqual(33);
    },
  );

  it.each(ALGORITHMS)(
    "writes no more than three times a second for a key at its limit, by %s",
    (algorithm) => {
      const world = createCounterWorld();
      const one = charge({ quota: quota(6_000, 10_000, algorithm) });
      run(world, [one], 1_000, 10);
      const { admitted, writes } = run(world, [one], 1_000, 20);
      expect(admitted).toBeGreaterThan(11_000);
      expect(writes).toBeLessThanOrEqual(60);
    },
  );

  it("has a reserve for several quotas of a key together", () => {
    const quotas = [plenty, charge({ quota: quota(200_000, 3_600_000) })];
    expect(run(busyWorld(quotas), quotas, 100, 10).writes).toBeLessThanOrEqual(11);
  });

  it("has a reserve for quotas that are charged in turns", () => {
    const world = createCounterWorld();
    const other = charge({ count: "other", quota: quota(200_000, 3_600_000) });
    const takeTurns = () => {
      for (let i = 0; i < 1_000; i++) {
        world.take([i % 2 ? plenty : other]);
        world.pass(10);
      }
    };
    takeTurns();
    expect(writesOf(world, takeTurns)).toBeLessThanOrEqual(24);
  });

  it("reserves what the pace of a second needs, and at most half of what remains at its end", () => {
    expect(remaining(busyWorld(), "exact") - remaining(busyWorld(), "stored")).toBeLessThanOrEqual(101);
    const small = charge({ quota: quota(100, 60_000) });
    const world = createCounterWorld();
    take(world, small, 92);
    expect([remaining(world, "exact", small), remaining(world, "stored", small)]).toEqual([8, 4]);
  });

  it.each([
    [5, 5],
    [20, 22],
    [80, 89],
  ])(
    "reserves hardly anything of a burst: %i that come at once are at most %i after a pause",
    (burst, counted) => {
      const world = createCounterWorld();
      take(world, plenty, burst);
      world.pass(12_000);
      world.restart();
      const { remaining: left = 0 } = world.take([plenty]).reply.decisions[0] ?? {};
      expect(100_000 - left - 1).toBeGreaterThanOrEqual(burst);
      expect(100_000 - left - 1).toBeLessThanOrEqual(counted);
    },
  );
});

describe("a counter with a reserve still writes", () => {
  const written = (one: Charge) => {
    const world = busyWorld([plenty, one]);
    return writesOf(world, () => {
      for (let i = 0; i < 5; i++) world.take([one]);
    });
  };

  it("nothing for what the reserve covers", () => {
    expect(written(plenty)).toBe(0);
  });

  it("what is to be on disk first", () => {
    expect(written(charge({ count: "durable", quota: plenty.quota, durable: true }))).toBe(5);
  });

  it("what began and is given back at its end", () => {
    expect(written(charge({ quota: quota(10_000, 180_000, CONCURRENCY) }))).toBe(5);
  });

  it("what somebody takes ahead", () => {
    expect(written({ ...plenty, count: "ahead", ahead: { units: 3, holdMs: 2_000 } })).toBe(5);
  });

  it("what is charged by another limit", () => {
    const world = busyWorld();
    const other = { ...plenty, quota: quota(50_000, 60_000) };
    expect(writesOf(world, () => world.take([other]))).toBe(1);
  });

  it("a cost that is more than it has", () => {
    const world = busyWorld();
    expect(writesOf(world, () => world.take([{ ...plenty, cost: 1_000 }]))).toBe(1);
  });

  it("what comes when its time is over, a second after the last write", () => {
    const world = createCounterWorld();
    // The first seven, then with one in reserve, and from the sixteenth on with two: an eighth of what came.
    expect(writesOf(world, () => take(world, plenty, 17))).toBe(12);
    world.pass(999);
    expect(writesOf(world, () => take(world, plenty, 1))).toBe(0);
    world.pass(1);
    expect(writesOf(world, () => take(world, plenty, 1))).toBe(1);
  });

  it("what is more than storage counts, also when it was written before the last reserve was used up", () => {
    const world = createCounterWorld();
    take(world, plenty, 20);
    take(world, { ...plenty, cost: 500 }, 1);
    const reserved = remaining(world, "exact") - remaining(world, "stored");
    expect(writesOf(world, () => take(world, plenty, reserved))).toBe(0);
    expect(writesOf(world, () => take(world, plenty, 1))).toBe(1);
  });

  it("a refusal that a lockout counts, also one beside an admission", () => {
    const locked = charge({ count: "locked", quota: quota(1, 60_000), lockout: lockoutOf(3), shadow: true });
    const world = busyWorld();
    world.take([locked]);
    world.take([plenty]);
    expect(writesOf(world, () => world.take([locked, plenty]))).toBe(1);
    world.restart();
    expect(world.take([locked]).reply.decisions[0]?.lockedOut).toBeUndefined();
    expect(world.take([locked]).reply.decisions[0]?.lockedOut).toBe(true);
  });
});

describe("settling at a counter", () => {
  it("is written for a key without a reserve", () => {
    const world = createCounterWorld();
    const [receipt] = run(world, [plenty], 1, 1).receipts;
    if (receipt) world.settle([{ receipt, cost: 0 }]);
    expect(world.stored("alice")).toEqual(world.exact("alice"));
  });

  it("is not written for a busy key: a refund leaves more in storage", () => {
    const world = busyWorld();
    const { receipts } = run(world, [plenty], 100, 1);
    expect(
      writesOf(world, () => {
        for (const receipt of receipts.slice(0, 5)) world.settle([{ receipt, cost: 0 }]);
      }),
    ).toBe(0);
    expect(remaining(world, "stored")).toBeLessThan(remaining(world, "exact"));
  });

  it("does not add what came back to the reserve", () => {
    const world = busyWorld();
    world.pass(1_000);
    const { receipts } = world.take([plenty]).reply;
    const [receipt] = receipts;
    const used = writesOf(world, () => {
      for (let i = 0; i < 200; i++) {
        world.take([plenty]);
        if (receipt) world.settle([{ receipt, cost: 0 }]);
      }
    });
    expect(used).toBeGreaterThan(0);
    expect(remaining(world, "stored")).toBeLessThanOrEqual(remaining(world, "exact"));
  });

  it("above the cost is paid by the reserve, or written", () => {
    const world = busyWorld();
    const [receipt] = run(world, [plenty], 100, 1).receipts;
    const settled = (extra: number) =>
      writesOf(world, () => {
        if (receipt) world.settle([{ receipt, cost: 1 + extra }]);
      });
    expect([settled(2), settled(10_000)]).toEqual([0, 1]);
  });
});

describe("a counter that operators edit", () => {
  const hour = 3_600_000;

  it.each([
    ["an override", (world: CounterWorld) => world.override(plenty, 50_000, hour)],
    ["a reset", (world: CounterWorld) => world.administer({ kind: "reset", charges: [plenty] })],
  ])("writes %s at once, whatever is in reserve, and without a reserve", (_, edit) => {
    const world = busyWorld();
    expect(writesOf(world, () => void edit(world))).toBe(1);
    expect(world.disk.puts.at(-1)).toBe(true);
    expect(world.stored("alice")).toEqual(world.exact("alice"));
    expect(writesOf(world, () => take(world, plenty, 1))).toBe(1);
  });

  it("writes nothing to be looked at", () => {
    const world = busyWorld();
    const looked = writesOf(world, () => {
      const { standings } = world.administer({ kind: "peek", charges: [plenty] });
      expect(standings).toMatchObject([{ remaining: remaining(world, "exact"), limit: 100_000 }]);
    });
    expect(looked).toBe(0);
  });

  it("writes nothing for what a block refuses", () => {
    const world = busyWorld();
    world.override(plenty, 0, hour);
    expect(writesOf(world, () => take(world, plenty, 50))).toBe(0);
    expect(world.take([plenty]).reply).toMatchObject({ admitted: false, decisions: [{ limit: 0 }] });
  });

  it("has a reserve under an override, of what remains under it", () => {
    const one = charge({ quota: quota(10, 60_000) });
    const world = createCounterWorld();
    world.override(one, 10_000, hour);
    run(world, [one], 100, 12);
    expect(run(world, [one], 100, 10).writes).toBeLessThanOrEqual(11);
    const reserved = remaining(world, "exact", one) - remaining(world, "stored", one);
    expect(reserved).toBeGreaterThan(0);
    expect(reserved).toBeLessThanOrEqual(101);
  });

  it("has no reserve past the end of an override", () => {
    const world = createCounterWorld();
    world.override(plenty, 50_000, 2_500);
    run(world, [plenty], 100, 2);
    // Half a second before the end it is written for the last time, and at the end anew.
    run(world, [plenty], 100, 0.49);
    expect(writesOf(world, () => take(world, plenty, 1))).toBeLessThanOrEqual(1);
    world.pass(10);
    expect(writesOf(world, () => take(world, plenty, 1))).toBe(1);
  });
});

describe("a counter that lost its memory", () => {
  it.each(ALGORITHMS)("counts all that was reserved, by %s", (algorithm) => {
    const one = charge({ quota: quota(10_000, 60_000, algorithm) });
    const world = busyWorld([one]);
    const [exact, stored] = [remaining(world, "exact", one), remaining(world, "stored", one)];
    expect(stored).toBeLessThan(exact);
    world.restart();
    expect(world.take([one]).reply.decisions[0]?.remaining).toBe(stored - 1);
  });

  it("goes by the clock, not by the end of what was reserved", () => {
    const world = busyWorld();
    world.restart();
    expect(world.take([plenty]).reply.decisions[0]?.nowMs).toBe(world.clockMs);
  });

  it("writes again at first", () => {
    const world = busyWorld();
    world.restart();
    expect(writesOf(world, () => world.take([plenty]))).toBe(1);
  });
});

describe("the alarm of a counter", () => {
  it.each(ALGORITHMS)("deletes everything once all that was stored is idle, by %s", (algorithm) => {
    const one = charge({ quota: quota(10_000, 5_000, algorithm) });
    const world = createCounterWorld();
    run(world, [one], 100, 30);
    const endMs = world.clockMs;
    while (world.disk.wakeMs !== undefined && world.clockMs < endMs + 60_000) {
      world.pass(1_000);
      world.wakeIfDue();
      world.restart();
    }
    expect([world.disk.values.size, world.disk.wakeMs]).toEqual([0, undefined]);
    expect(world.clockMs - endMs).toBeLessThanOrEqual(18_000);
  });

  it("is set with the first write only, and again by itself while something is live", () => {
    const world = busyWorld();
    expect(world.disk.wakeMs).toBe(START_MS + 60_000 + sliceOf(plenty.quota.windowMs));
    world.pass(70_000);
    run(world, [plenty], 100, 1);
    world.wakeIfDue();
    expect(world.disk.values.size).toBe(1);
    expect(world.disk.wakeMs).toBeGreaterThan(world.clockMs + 59_000);
  });

  it.each([undefined, 5])(
    "comes when all is idle, though an override was to last a year: then %s",
    (limit) => {
      const world = createCounterWorld();
      world.override(plenty, 0, 366 * 86_400_000);
      world.restart();
      world.override(plenty, limit, 300_000);
      world.pass(300_000);
      world.wakeIfDue();
      expect([world.disk.values.size, world.disk.wakeMs]).toEqual([0, undefined]);
    },
  );

  it("leaves no reserve behind that is in storage no longer", () => {
    const one = charge({ quota: quota(10_000, 1_000, "fixed-window") });
    const world = createCounterWorld();
    run(world, [one], 100, 2);
    world.pass(20_000);
    world.wakeIfDue();
    expect(world.disk.values.size).toBe(0);
    expect(writesOf(world, () => world.take([one]))).toBe(1);
  });
});

/** How much later than a window an admission at `START_MS` leaves. */
function sliceOf(windowMs: number): number {
  const sliceMs = Math.ceil(windowMs / 127);
  return Math.ceil(START_MS / sliceMs) * sliceMs - START_MS;
}
