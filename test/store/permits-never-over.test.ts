import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { charge, patience, quota, START_MS } from "./fixtures.ts";
import { createWorld, type Way, worstWindow } from "./permit-world.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS });
});
afterEach(() => {
  vi.useRealTimers();
});

/** What happens in one of the isolates, some time after what happened before. */
type Event =
  | { readonly kind: "send"; readonly waitMs: number; readonly isolate: number; readonly messages: number }
  | { readonly kind: "die" | "leave"; readonly waitMs: number; readonly isolate: number }
  | { readonly kind: "skew"; readonly waitMs: number; readonly backMs: number };

const ISOLATES = 4;
const anyWaitMs = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 500 }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 4_000 }) },
);
const anyIsolate = fc.nat(ISOLATES - 1);
const send = fc.record({
  kind: fc.constant("send" as const),
  waitMs: anyWaitMs,
  isolate: anyIsolate,
  messages: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 30 })),
});
const end = fc.record({
  kind: fc.constantFrom("die" as const, "leave" as const),
  waitMs: anyWaitMs,
  isolate: anyIsolate,
});
const skew = fc.record({
  kind: fc.constant("skew" as const),
  waitMs: anyWaitMs,
  backMs: fc.integer({ min: 0, max: 20_000 }),
});

const anyLimit = fc.oneof(fc.integer({ min: 20, max: 128 }), fc.integer({ min: 129, max: 3_000 }));
const anyWindow = fc.constantFrom(4_000, 10_000, 20_000);
const anySeed = fc.integer({ min: 1 });

/** Whole numbers below a bound, one after the other. */
function dice(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

/** Seldom slower than a call may be. */
function anyWayOf(seed: number, lossPercent: number, slowMs: number): Way {
  const roll = dice(seed);
  const ms = () => (roll(10) === 0 ? roll(slowMs) : roll(60));
  return { thereMs: ms, backMs: ms, isLost: () => roll(100) < lossPercent };
}

type World = ReturnType<typeof createWorld>;

/** Lets it all happen. Whoever has died or left is followed by another, whose clock is wrong otherwise. */
async function run({ isolate, setSkew, pass }: World, events: readonly Event[], seed: number): Promise<void> {
  const roll = dice(seed);
  const born = () => isolate(roll(100_000) - 50_000);
  const isolates = Array.from({ length: ISOLATES }, born);
  let backMs = 0;
  for (const event of events) {
    await pass(event.waitMs);
    if (event.kind === "skew") {
      backMs -= event.backMs;
      setSkew(backMs);
      continue;
    }
    const own = isolates[event.isolate];
    if (event.kind === "send") {
      for (let i = 0; i < event.messages; i++) void own?.send();
      continue;
    }
    if (event.kind === "die") own?.die();
    else own?.pool.giveBack();
    isolates[event.isolate] = born();
  }
  await pass(5_000);
}

describe("several pools on one store", () => {
  it("let no more through than the limit in any trailing window, whoever dies and whatever is late or lost", async () => {
    let held = 0;
    let full = 0;
    const events = fc.array(
      fc.oneof(
        { weight: 12, arbitrary: send },
        { weight: 1, arbitrary: end },
        { weight: 1, arbitrary: skew },
      ),
      { minLength: 20, maxLength: 120, size: "max" },
    );
    await fc.assert(
      fc.asyncProperty(anyLimit, anyWindow, events, anySeed, async (limit, windowMs, history, seed) => {
        vi.setSystemTime(START_MS);
        const one = charge({ quota: quota(limit, windowMs), onError: "closed" });
        const world = createWorld([one], anyWayOf(seed, 5, 2_000));
        await run(world, history, seed);
        const worst = worstWindow(world.passed, windowMs);
        expect(worst).toBeLessThanOrEqual(limit);
        held += world.passed.filter(({ isHeld }) => isHeld).length;
        full += Number(worst > limit * 0.9);
      }),
      { numRuns: 150 },
    );
    // Else it may hold because nobody took ahead, or nobody came near the limit.
    expect(held).toBeGreaterThan(2_000);
    expect(full).toBeGreaterThan(3);
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
    const events = fc.array(fc.oneof({ weight: 12, arbitrary: send }, end), {
      minLength: 5,
      maxLength: 60,
      size: "max",
    });
    // Who dies gives nothing back.
    const peaceful = events.map((all) => all.filter(({ kind }) => kind !== "die"));
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 20, max: 3_000 }),
        peaceful,
        anySeed,
        async (limit, history, seed) => {
          vi.setSystemTime(START_MS);
          // So long a window that nothing comes back by itself.
          const one = charge({ quota: quota(limit, 600_000), onError: "closed" });
          const world = createWorld([one], anyWayOf(seed, 0, 150));
          await run(world, history, seed);
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
