import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Charge, Decision } from "../../src/limit/charge.ts";
import { idleAtMs } from "../../src/limit/key-record.ts";
import { type Records, standingOf, takeAll } from "../../src/limit/take.ts";
import { anyLockedStory, anyPolicyStory, type LockedStory, type PolicyStory } from "./arbitraries.ts";
import { chargeOf, createShelf, DAY, MINUTE, START, sliding } from "./fixtures.ts";
import { createLockoutOracle } from "./lockout-oracle.ts";
import { type Counted, roomAt } from "./oracle.ts";

// The stories are long: on a failure the search for a shorter one is cut off.
fc.configureGlobal({ numRuns: 500, interruptAfterTimeLimit: 15_000, markInterruptAsFailure: true });

/** Calls `check` after each take of a story, with what was kept before it. */
function replay(
  { startMs, takes }: PolicyStory,
  check: (
    taken: ReturnType<typeof takeAll>,
    before: Records,
    charges: readonly Charge[],
    clockMs: number,
  ) => void,
): void {
  const shelf = createShelf();
  let clockMs = startMs;
  for (const { moveMs, charges } of takes) {
    clockMs += moveMs;
    const before = new Map(shelf.records);
    check(shelf.take(charges, clockMs), before, charges, clockMs);
  }
}

describe("policies with lockouts", () => {
  it("answer like an oracle that keeps every admission and every refusal, in every number", () => {
    let lockouts = 0;
    fc.assert(
      fc.property(anyPolicyStory, (story) => {
        const oracle = createLockoutOracle();
        replay(story, ({ admitted, decisions }, _, charges, clockMs) => {
          expect({ admitted, decisions }).toEqual(oracle.take(charges, clockMs));
        });
        lockouts += oracle.refusals.filter(({ lockedUntilMs }) => lockedUntilMs > 0).length;
      }),
    );
    expect(lockouts).toBeGreaterThan(500);
  });

  it("admit nothing over a quota (promise 1)", () => {
    fc.assert(
      fc.property(anyPolicyStory, (story) => {
        const histories = new Map<string, Counted[]>();
        replay(story, ({ receipts }) => {
          for (const { charge, timeMs } of receipts) {
            const history = histories.get(charge.key + charge.count) ?? [];
            history.push({ atMs: timeMs, cost: charge.cost });
            histories.set(charge.key + charge.count, history);
            expect(roomAt(history, charge.quota, timeMs)).toBeGreaterThanOrEqual(0);
          }
        });
      }),
    );
  });

  it("charge no quota when they refuse: what changes is kept of lockouts (promise 2)", () => {
    fc.assert(
      fc.property(anyPolicyStory, (story) => {
        replay(story, ({ admitted, changed, receipts }, before, charges, clockMs) => {
          if (admitted) return;
          expect(receipts).toEqual([]);
          const unlocked = charges.map((charge) => ({ ...charge, lockout: undefined }));
          const after = new Map([...before, ...changed]);
          for (const charge of unlocked)
            expect(standingOf(after, charge, clockMs)).toEqual(standingOf(before, charge, clockMs));
          const ids = charges.flatMap(({ key, lockout }) => (lockout ? [`${key} ${lockout.id}`] : []));
          for (const [key, { counts, epoch }] of changed) {
            const old = before.get(key);
            expect(epoch).toBe(old?.epoch ?? 0);
            for (const [id, count] of Object.entries(counts))
              if (!ids.includes(`${key} ${id}`)) expect(count).toEqual(old?.counts[id]);
          }
        });
      }),
    );
  });

  it("give each charge the standing that the take leaves behind", () => {
    fc.assert(
      fc.property(anyPolicyStory, (story) => {
        replay(story, ({ decisions, changed }, before, charges, clockMs) => {
          const after = new Map([...before, ...changed]);
          expect(decisions).toMatchObject(charges.map((charge) => standingOf(after, charge, clockMs)));
        });
      }),
    );
  });

  it("write for a refusal only where a lockout counted it", () => {
    fc.assert(
      fc.property(anyPolicyStory, (story) => {
        const oracle = createLockoutOracle();
        replay(story, ({ admitted, changed }, _, charges, clockMs) => {
          const known = oracle.refusals.length;
          oracle.take(charges, clockMs);
          const keys = new Set(oracle.refusals.slice(known).map(({ key }) => key));
          if (!admitted) expect(new Set(changed.keys())).toEqual(keys);
        });
      }),
    );
  });

  it("hand nothing back changed that was handed in", () => {
    fc.assert(
      fc.property(anyPolicyStory, (story) => {
        replay(story, (_, before, charges, clockMs) => {
          const copy = structuredClone([...before]);
          takeAll(before, charges, clockMs);
          expect([...before]).toEqual(copy);
        });
      }),
    );
  });

  it("clean up after themselves: from its idle instant on a record means the same as none (promise 9)", () => {
    fc.assert(
      fc.property(anyPolicyStory, fc.nat(DAY), (story, laterMs) => {
        replay(story, ({ changed }, _, charges) => {
          for (const [key, record] of changed) {
            const own = charges.filter((charge) => charge.key === key);
            const clockMs = idleAtMs(record) + laterMs;
            const { decisions } = takeAll(new Map([[key, record]]), own, clockMs);
            expect(decisions).toEqual(takeAll(new Map(), own, clockMs).decisions);
          }
        });
      }),
    );
  });
});

/** A decision of a story of one charge. */
interface Seen {
  readonly decision: Decision;
  readonly charge: Charge;
  readonly clockMs: number;
  /** What was kept after it. */
  readonly records: Records;
  /** Whether the key was locked out before it. */
  readonly wasLockedOut: boolean;
  /** Whether it began a lockout. */
  readonly isLast: boolean;
  /** How many refusals, this one included, came within the window and after the last lockout. */
  readonly inWindow: number;
}

describe("a quota with a lockout", () => {
  let lockouts = 0;
  beforeEach(() => {
    lockouts = 0;
  });
  // Else a property may hold because nobody was ever locked out.
  afterEach(() => {
    expect(lockouts).toBeGreaterThan(40);
  });

  /** Calls `check` after each step. `windowMs` is within what refusals are counted. */
  function watch(
    { charge: { lockout, ...rest }, startMs, steps }: LockedStory,
    check: (seen: Seen) => void,
    windowMs = lockout.withinMs,
  ): void {
    const shelf = createShelf();
    let refusedMs: number[] = [];
    let untilMs = 0;
    let clockMs = startMs;
    for (const { moveMs, cost } of steps) {
      clockMs += moveMs;
      const charge = { ...rest, lockout, cost };
      const decision = shelf.takeOne(charge, clockMs);
      const { allowed, lockedOut = false, nowMs } = decision;
      const wasLockedOut = nowMs < untilMs;
      const isLast = lockedOut && !wasLockedOut;
      if (!allowed && !wasLockedOut) refusedMs.push(nowMs);
      const inWindow = refusedMs.filter((atMs) => atMs > nowMs - windowMs).length;
      check({ decision, charge, clockMs, records: shelf.records, wasLockedOut, isLast, inWindow });
      if (!isLast) continue;
      lockouts += 1;
      untilMs = nowMs + lockout.durationMs;
      refusedMs = [];
    }
  }

  it("locks a key out at the last refusal that it takes within the window, and never before", () => {
    fc.assert(
      fc.property(anyLockedStory({ min: 1, max: 128 }), (story) => {
        watch(story, ({ decision: { allowed }, wasLockedOut, isLast, inWindow }) => {
          const isDue = !allowed && !wasLockedOut && inWindow >= story.charge.lockout.refusals;
          expect(isLast).toBe(isDue);
        });
      }),
    );
  });

  it("locks a key out no later than that above 128, either", () => {
    fc.assert(
      fc.property(anyLockedStory({ min: 129, max: 300 }), (story) => {
        watch(story, ({ decision, inWindow }) => {
          if (!decision.allowed && inWindow >= story.charge.lockout.refusals)
            expect(decision.lockedOut).toBe(true);
        });
      }),
      { numRuns: 200 },
    );
  });

  it("locks a key out above 128 no earlier than a window 0.8 % longer would", () => {
    fc.assert(
      fc.property(anyLockedStory({ min: 129, max: 300 }), (story) => {
        const { refusals, withinMs } = story.charge.lockout;
        const check = ({ isLast, inWindow }: Seen): void => {
          if (isLast) expect(inWindow).toBeGreaterThanOrEqual(refusals);
        };
        watch(story, check, Math.floor(withinMs * (1 + 1 / 127)) + 1);
      }),
      { numRuns: 200 },
    );
  });

  it("refuses a key for exactly the time of the lockout, whatever is asked meanwhile", () => {
    fc.assert(
      fc.property(anyLockedStory({ min: 2, max: 6 }), (story) => {
        watch(story, ({ decision: { allowed, lockedOut = false }, wasLockedOut, isLast }) => {
          expect(lockedOut).toBe(wasLockedOut || isLast);
          if (wasLockedOut) expect(allowed).toBe(false);
        });
      }),
    );
  });

  it("refuses until one millisecond before `retryAfterMs`, and admits at it (promise 3)", () => {
    fc.assert(
      fc.property(anyLockedStory({ min: 1, max: 4 }), (story) => {
        watch(story, ({ decision: { allowed, retryAfterMs }, charge, clockMs, records }) => {
          if (allowed || retryAfterMs === Number.POSITIVE_INFINITY) return;
          const admittedAt = (waitMs: number) => takeAll(records, [charge], clockMs + waitMs).admitted;
          expect([admittedAt(retryAfterMs - 1), admittedAt(retryAfterMs)]).toEqual([false, true]);
        });
      }),
    );
  });

  it("has more room after exactly `moreRoomMs`, and is whole after exactly `resetMs`", () => {
    fc.assert(
      fc.property(anyLockedStory({ min: 1, max: 4 }), (story) => {
        watch(story, ({ decision: { remaining, moreRoomMs, resetMs, nowMs }, charge, clockMs, records }) => {
          const remainingAt = (ms: number) => standingOf(records, charge, ms).remaining;
          if (moreRoomMs > 0) expect(remainingAt(clockMs + moreRoomMs - 1)).toBe(remaining);
          if (moreRoomMs > 0) expect(remainingAt(clockMs + moreRoomMs)).toBeGreaterThan(remaining);
          if (resetMs > 0) expect(remainingAt(nowMs + resetMs - 1)).toBeLessThan(charge.quota.burst);
          expect(remainingAt(nowMs + resetMs)).toBe(charge.quota.burst);
        });
      }),
    );
  });
});

describe("time and lockouts", () => {
  it("a clock that jumps back ends no lockout", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: DAY }), (backMs) => {
        const shelf = createShelf();
        const lockout = { id: "policy/lockout", refusals: 1, withinMs: MINUTE, durationMs: MINUTE };
        const charge = chargeOf(sliding(1, MINUTE), { lockout, cost: 2 });
        shelf.takeOne(charge, START);
        expect(shelf.takeOne({ ...charge, cost: 1 }, START - backMs).lockedOut).toBe(true);
      }),
    );
  });

  it("time never runs back behind a refusal that was counted", () => {
    const shelf = createShelf();
    const lockout = { id: "policy/lockout", refusals: 2, withinMs: MINUTE, durationMs: MINUTE };
    const charge = chargeOf(sliding(1, MINUTE), { lockout });
    shelf.takeOne({ ...charge, cost: 2 }, START);
    expect(shelf.takeOne(charge, START - DAY)).toMatchObject({ allowed: true, nowMs: START });
  });
});
