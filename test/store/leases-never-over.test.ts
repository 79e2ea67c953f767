import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { charge, quota, START_MS } from "./fixtures.ts";
import { anyEvents, anySeed, anyWayOf, dice, run } from "./permit-histories.ts";
import { createWorld, worstWindow } from "./permit-world.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS });
});
afterEach(() => {
  vi.useRealTimers();
});

const anyLimit = fc.oneof(fc.integer({ min: 20, max: 128 }), fc.integer({ min: 129, max: 3_000 }));
const anyWindow = fc.constantFrom(4_000, 12_000, 60_000);

describe("several isolates with leases of one key", () => {
  it("let no more through than the limit in any trailing window, whoever dies and whatever is late or lost", async () => {
    let held = 0;
    let full = 0;
    await fc.assert(
      fc.asyncProperty(anyLimit, anyWindow, anyEvents, anySeed, async (limit, windowMs, history, seed) => {
        vi.setSystemTime(START_MS);
        const one = charge({ quota: quota(limit, windowMs), onError: "closed", lease: true });
        const world = createWorld([one], anyWayOf(seed, 5, 2_000));
        const roll = dice(seed + 1);
        await run(world, (aheadMs) => world.leasing(aheadMs, () => roll(1_000) / 1_000), history, seed);
        const worst = worstWindow(world.passed, windowMs);
        expect(worst).toBeLessThanOrEqual(limit);
        held += world.passed.filter(({ isHeld }) => isHeld).length;
        full += Number(worst > limit * 0.9);
      }),
      { numRuns: 150 },
    );
    // Else it may hold because nobody took ahead, or nobody came near the limit.
    expect(held).toBeGreaterThan(2_000);
    expect(full).toBeGreaterThan(0);
  });

  it("let no more through when one uses its permits as late as it can, and the other floods a window later", async () => {
    const windowMs = 60_000;
    const limit = 2_000;
    let late = 0;
    let full = 0;
    const anyTimes = fc.record({
      thereMs: fc.integer({ min: 0, max: 300 }),
      backMs: fc.integer({ min: 0, max: 300 }),
      // Of the time that it may be used; also when that is over.
      lateShare: fc.oneof(
        fc.double({ min: 0.5, max: 1.1, noNaN: true }),
        fc.double({ min: 1, max: 2.5, noNaN: true }),
      ),
    });
    await fc.assert(
      fc.asyncProperty(anyTimes, async ({ thereMs, backMs, lateShare }) => {
        vi.setSystemTime(START_MS);
        const one = charge({ quota: quota(limit, windowMs), onError: "closed", lease: true });
        const many = new Map([[one.count, 20]]);
        const way = { thereMs: () => thereMs, backMs: () => backMs, isLost: () => false };
        const world = createWorld([one], way);
        const [early, flooding] = [world.leasing(), world.leasing()];
        for (let i = 0; i < 100; i++) {
          void early.send();
          await world.pass(10);
        }
        const holdMs = Math.max(1_000, 8 * (thereMs + backMs));
        await world.pass(holdMs * lateShare);
        const before = world.passed.length;
        for (let i = 0; i < 100; i++) void early.send();
        await world.pass(0);
        late += world.passed.length - before;
        early.die();
        // From before what was taken ahead would be over had it counted from its asking, until it is over.
        await world.pass(windowMs - 2 * holdMs);
        for (let ms = 0; ms < 4 * holdMs; ms += 50) {
          for (let j = 0; j < 5; j++) void flooding.send(many);
          await world.pass(50);
        }
        await world.pass(2_000);
        const worst = worstWindow(world.passed, windowMs);
        expect(worst).toBeLessThanOrEqual(limit);
        full += Number(worst > limit * 0.9);
      }),
      { numRuns: 60 },
    );
    expect(late).toBeGreaterThan(500);
    expect(full).toBeGreaterThan(0);
  });
});
