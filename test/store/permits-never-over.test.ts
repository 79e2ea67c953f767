import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { charge, patience, quota, START_MS } from "./fixtures.ts";
import { anyEvents, anyPeacefulEvents, anySeed, anyWayOf, run } from "./permit-histories.ts";
import { createWorld, worstWindow } from "./permit-world.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS });
});
afterEach(() => {
  vi.useRealTimers();
});

const anyLimit = fc.oneof(fc.integer({ min: 20, max: 128 }), fc.integer({ min: 129, max: 3_000 }));
const anyWindow = fc.constantFrom(4_000, 10_000, 20_000);

describe("several pools on one store", () => {
  it("let no more through than the limit in any trailing window, whoever dies and whatever is late or lost", async () => {
    let held = 0;
    let full = 0;
    await fc.assert(
      fc.asyncProperty(anyLimit, anyWindow, anyEvents, anySeed, async (limit, windowMs, history, seed) => {
        vi.setSystemTime(START_MS);
        const one = charge({ quota: quota(limit, windowMs), onError: "closed" });
        const world = createWorld([one], anyWayOf(seed, 5, 2_000));
        await run(world, world.isolate, history, seed);
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
    const windowMs = 40_000;
    const limit = 200;
    let late = 0;
    const anyTimes = fc.record({
      thereMs: fc.integer({ min: 0, max: 300 }),
      backMs: fc.integer({ min: 0, max: 300 }),
      lateMs: fc.oneof(fc.nat(2_500), fc.integer({ min: 1_000, max: 1_900 })),
      // After what was taken ahead would be over, had it been counted from its asking, its counting, or its end.
      floodMs: fc.oneof(fc.nat(600), fc.integer({ min: 1_500, max: 2_600 })),
    });
    await fc.assert(
      fc.asyncProperty(anyTimes, async ({ thereMs, backMs, lateMs, floodMs }) => {
        vi.setSystemTime(START_MS);
        const one = charge({ quota: quota(limit, windowMs), onError: "closed" });
        const world = createWorld([one], {
          thereMs: () => thereMs,
          backMs: () => backMs,
          isLost: () => false,
        });
        const [early, flooding] = [world.isolate(), world.isolate()];
        for (let i = 0; i < 40; i++) {
          void early.send();
          await world.pass(10);
        }
        await world.pass(1_000 - 400);
        const askedMs = START_MS + 400;
        // Without its timers, which would have given back what was idle.
        vi.setSystemTime(Math.max(Date.now(), askedMs + lateMs));
        const before = world.passed.length;
        for (let i = 0; i < 40; i++) void early.send();
        late += world.passed.length - before;
        early.die();
        await world.pass(askedMs + windowMs + floodMs - thereMs - Date.now());
        for (let i = 0; i < 30; i++) {
          for (let j = 0; j < 20; j++) void flooding.send();
          await world.pass(30);
        }
        await world.pass(2_000);
        expect(worstWindow(world.passed, windowMs)).toBeLessThanOrEqual(limit);
      }),
      { numRuns: 100 },
    );
    expect(late).toBeGreaterThan(100);
  });

  it("have given back everything that they did not use, after a second of rest", async () => {
    let passed = 0;
    let settles = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 20, max: 3_000 }),
        anyPeacefulEvents,
        anySeed,
        async (limit, history, seed) => {
          vi.setSystemTime(START_MS);
          // So long a window that nothing comes back by itself.
          const one = charge({ quota: quota(limit, 600_000), onError: "closed" });
          const world = createWorld([one], anyWayOf(seed, 0, 150));
          await run(world, world.isolate, history, seed);
          const [outcome] = (await world.store.take([one], patience)).outcomes;
          const remaining = outcome?.kind === "decided" ? outcome.decision.remaining : Number.NaN;
          expect(remaining).toBe(Math.max(0, limit - world.passed.length - 1));
          passed += world.passed.length;
          settles += world.calls.settles;
        },
      ),
      { numRuns: 150 },
    );
    expect(passed).toBeGreaterThan(10_000);
    expect(settles).toBeGreaterThan(500);
  });
});
