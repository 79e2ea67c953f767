import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Records, standingOf } from "../../src/limit/take.ts";
import { anyQuota, anyStory, instantsOf } from "./arbitraries.ts";
import { chargeOf, createShelf } from "./fixtures.ts";

fc.configureGlobal({ numRuns: 500 });

describe("promise 3: honest numbers", () => {
  /** The store as a story left it, and the last decision of the story. */
  const anyOutcome = anyStory(anyQuota, { maxLength: 25 }).map((story) => {
    const shelf = createShelf();
    const decisions = [...instantsOf(story)].map(({ clockMs, cost }) => ({
      charge: chargeOf(story.quota, { cost }),
      decision: shelf.takeOne(chargeOf(story.quota, { cost }), clockMs),
    }));
    const last = decisions.at(-1);
    if (!last) throw new Error("a story has at least one step");
    return { shelf, quota: story.quota, ...last };
  });

  const sameShelf = (records: Records): ReturnType<typeof createShelf> => {
    const shelf = createShelf();
    for (const [key, record] of records) (shelf.records as Map<string, unknown>).set(key, record);
    return shelf;
  };
  const wouldAdmit = (records: Records, charge: ReturnType<typeof chargeOf>, clockMs: number): boolean =>
    sameShelf(records).takeOne(charge, clockMs).allowed;

  it("exactly as many requests as `remaining` says are admitted right after", () => {
    fc.assert(
      fc.property(anyOutcome, ({ shelf, quota, decision: { remaining, nowMs } }) => {
        const single = Math.min(remaining, 150);
        for (let i = 0; i < single; i++) expect(shelf.takeOne(chargeOf(quota), nowMs).allowed).toBe(true);
        const rest = remaining - single;
        if (rest > 0) expect(shelf.takeOne(chargeOf(quota, { cost: rest }), nowMs).allowed).toBe(true);
        expect(shelf.takeOne(chargeOf(quota), nowMs)).toMatchObject({ allowed: false, remaining: 0 });
      }),
    );
  });

  it("a refused charge is refused until one millisecond before `retryAfterMs`, and admitted at it", () => {
    fc.assert(
      fc.property(
        anyOutcome,
        ({ shelf: { records }, charge, decision: { nowMs, retryAfterMs, allowed } }) => {
          if (allowed || retryAfterMs === Number.POSITIVE_INFINITY) return;
          expect(wouldAdmit(records, charge, nowMs + retryAfterMs - 1)).toBe(false);
          expect(wouldAdmit(records, charge, nowMs + retryAfterMs)).toBe(true);
        },
      ),
    );
  });

  it("Retry-After in whole seconds is the first second at which the charge is admitted", () => {
    fc.assert(
      fc.property(
        anyOutcome,
        ({ shelf: { records }, charge, decision: { nowMs, retryAfterMs, allowed } }) => {
          if (allowed || retryAfterMs === Number.POSITIVE_INFINITY) return;
          const seconds = Math.ceil(retryAfterMs / 1_000);
          expect(seconds).toBeGreaterThanOrEqual(1);
          expect(wouldAdmit(records, charge, nowMs + (seconds - 1) * 1_000)).toBe(false);
          expect(wouldAdmit(records, charge, nowMs + seconds * 1_000)).toBe(true);
        },
      ),
    );
  });

  it("a charge above the capacity never fits, and says so with an infinite wait", () => {
    fc.assert(
      fc.property(anyOutcome, ({ shelf, quota, decision: { nowMs } }) => {
        const decision = shelf.takeOne(chargeOf(quota, { cost: quota.burst + 1 }), nowMs);
        expect(decision).toMatchObject({ allowed: false, retryAfterMs: Number.POSITIVE_INFINITY });
      }),
    );
  });

  it("only a charge above the capacity waits for ever", () => {
    fc.assert(
      fc.property(anyOutcome, ({ shelf, quota, decision: { nowMs } }) => {
        const { retryAfterMs } = shelf.takeOne(chargeOf(quota, { cost: quota.burst }), nowMs);
        expect(retryAfterMs).toBeLessThan(Number.POSITIVE_INFINITY);
      }),
    );
  });

  it("`remaining` grows after exactly `moreRoomMs`", () => {
    fc.assert(
      fc.property(anyOutcome, ({ shelf: { records }, charge, decision }) => {
        const { nowMs, moreRoomMs, remaining } = decision;
        if (remaining === charge.quota.burst) {
          expect(moreRoomMs).toBe(0);
          return;
        }
        expect(standingOf(records, charge, nowMs + moreRoomMs - 1).remaining).toBe(remaining);
        expect(standingOf(records, charge, nowMs + moreRoomMs).remaining).toBeGreaterThan(remaining);
      }),
    );
  });

  it("the quota is whole after exactly `resetMs`", () => {
    fc.assert(
      fc.property(anyOutcome, ({ shelf: { records }, charge, decision: { nowMs, resetMs } }) => {
        const { burst } = charge.quota;
        expect(standingOf(records, charge, nowMs + resetMs).remaining).toBe(burst);
        if (resetMs > 0)
          expect(standingOf(records, charge, nowMs + resetMs - 1).remaining).toBeLessThan(burst);
      }),
    );
  });

  it("every number is a whole one and none is negative", () => {
    fc.assert(
      fc.property(anyOutcome, ({ decision: { allowed, lockedOut, retryAfterMs, ...numbers } }) => {
        expect([typeof allowed, lockedOut]).toEqual(["boolean", undefined]);
        const finite = retryAfterMs === Number.POSITIVE_INFINITY ? 0 : retryAfterMs;
        for (const number of [finite, ...Object.values(numbers)]) {
          expect(Number.isSafeInteger(number) && number >= 0).toBe(true);
        }
      }),
    );
  });
});
