import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ALGORITHMS, type Quota } from "../../src/limit/quota.ts";
import {
  anyCost,
  anyMove,
  anyQuotaOf,
  anyStory,
  anyWindowMs,
  instantsOf,
  type Story,
} from "./arbitraries.ts";
import { chargeOf, createShelf, START, sliding } from "./fixtures.ts";
import { type Counted, roomAt, waitFor } from "./oracle.ts";

fc.configureGlobal({ numRuns: 500 });

const limitsUpTo128 = fc.oneof(fc.integer({ min: 1, max: 128 }), fc.integer({ min: 120, max: 128 }));
const limitsAbove128 = fc.oneof(fc.integer({ min: 129, max: 140 }), fc.integer({ min: 129, max: 100_000 }));

/** The most that stands in any trailing window: reached at an admission, where alone it grows. */
const worstRoom = (history: readonly Counted[], quota: Quota): number =>
  Math.min(quota.burst, ...history.map(({ atMs }, i) => roomAt(history.slice(0, i + 1), quota, atMs)));

describe("promise 1: never over", () => {
  it.each(ALGORITHMS)("what %s admitted never exceeds the quota, whatever the clock does", (algorithm) => {
    fc.assert(
      fc.property(anyStory(anyQuotaOf(algorithm), { backwards: true }), (story) => {
        const shelf = createShelf();
        const history: Counted[] = [];
        for (const { clockMs, cost } of instantsOf(story)) {
          const { allowed, nowMs } = shelf.takeOne(chargeOf(story.quota, { cost }), clockMs);
          if (allowed) history.push({ atMs: nowMs, cost });
        }
        expect(worstRoom(history, story.quota)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it("a sliding window whose limit changes admits nothing above the limit of the moment", () => {
    const anyLimitOfTheMoment = fc.oneof(
      fc.constantFrom(1, 5, 127, 128, 129, 1_000),
      fc.integer({ min: 1, max: 2_000 }),
    );
    const changes = anyWindowMs.chain((windowMs) =>
      fc.array(
        anyLimitOfTheMoment.chain((limit) => {
          const quota = sliding(limit, windowMs);
          return fc.record({
            quota: fc.constant(quota),
            moveMs: anyMove(quota, true),
            cost: anyCost(quota),
          });
        }),
        { minLength: 2, maxLength: 40 },
      ),
    );
    fc.assert(
      fc.property(changes, (steps) => {
        const shelf = createShelf();
        const history: Counted[] = [];
        let clockMs = START;
        for (const { quota, moveMs, cost } of steps) {
          clockMs += moveMs;
          const { allowed, nowMs } = shelf.takeOne(chargeOf(quota, { cost }), clockMs);
          if (!allowed) continue;
          history.push({ atMs: nowMs, cost });
          expect(roomAt(history, quota, nowMs)).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  it.each(ALGORITHMS)("settlements never make room that admissions of %s still stand on", (algorithm) => {
    // What becomes of an admission: left alone, given back in part or whole, or charged extra.
    const anyTrueCost = fc.constantFrom(undefined, undefined, 0, 0.5, 2);
    const anySettledStory = fc.record({
      story: anyStory(anyQuotaOf(algorithm), { backwards: true, maxLength: 30 }),
      trueCosts: fc.array(anyTrueCost, { minLength: 30, maxLength: 30 }),
      delays: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 30, maxLength: 30 }),
    });
    fc.assert(
      fc.property(anySettledStory, ({ story, trueCosts, delays }) => {
        const shelf = createShelf();
        const history: Counted[] = [];
        const due: { atStep: number; settle: (clockMs: number) => void }[] = [];
        for (const [i, { clockMs, cost }] of [...instantsOf(story)].entries()) {
          for (const { settle } of due.filter(({ atStep }) => atStep === i)) settle(clockMs);
          const { decisions, receipts } = shelf.take([chargeOf(story.quota, { cost })], clockMs);
          const [decision] = decisions;
          const [receipt] = receipts;
          if (!decision || !receipt) continue;
          const own = { atMs: decision.nowMs, cost };
          history.push(own);
          expect(roomAt(history, story.quota, own.atMs)).toBeGreaterThanOrEqual(0);
          const part = trueCosts[i];
          if (part === undefined) continue;
          const trueCost = Math.floor(cost * part);
          due.push({
            atStep: i + 1 + (delays[i] ?? 0),
            settle(atMs) {
              const kept = shelf.records.get("caller")?.atMs ?? 0;
              shelf.settle([{ receipt, cost: trueCost }], atMs);
              own.cost = Math.min(cost, trueCost);
              if (trueCost > cost) history.push({ atMs: Math.max(atMs, kept), cost: trueCost - cost });
            },
          });
        }
      }),
    );
  });

  it("a sliding window of up to 128 answers like a log of every admission, in every number", () => {
    fc.assert(
      fc.property(
        anyStory(anyQuotaOf("sliding-window", limitsUpTo128), { backwards: true }),
        answersLikeTheOracle,
      ),
    );
  });

  it("a sliding window above 128 admits nothing that a log of every admission would refuse", () => {
    fc.assert(
      fc.property(anyStory(anyQuotaOf("sliding-window", limitsAbove128)), (story) => {
        const shelf = createShelf();
        const history: Counted[] = [];
        for (const { clockMs, cost } of instantsOf(story)) {
          const room = roomAt(history, story.quota, clockMs);
          const { allowed, remaining } = shelf.takeOne(chargeOf(story.quota, { cost }), clockMs);
          expect(allowed && cost > room).toBe(false);
          expect(remaining).toBeLessThanOrEqual(room - (allowed ? cost : 0));
          if (allowed) history.push({ atMs: clockMs, cost });
        }
      }),
    );
  });

  it("a sliding window above 128 refuses nothing that a log with a window 0.8 % longer would admit", () => {
    fc.assert(
      fc.property(anyStory(anyQuotaOf("sliding-window", limitsAbove128)), (story) => {
        const { quota } = story;
        const longer = { ...quota, windowMs: Math.floor(quota.windowMs * (1 + 1 / 127)) + 1 };
        const shelf = createShelf();
        const history: Counted[] = [];
        for (const { clockMs, cost } of instantsOf(story)) {
          const room = roomAt(history, longer, clockMs);
          const { allowed, remaining } = shelf.takeOne(chargeOf(quota, { cost }), clockMs);
          expect(!allowed && cost <= room).toBe(false);
          expect(remaining).toBeGreaterThanOrEqual(room - (allowed ? cost : 0));
          if (allowed) history.push({ atMs: clockMs, cost });
        }
      }),
    );
  });

  it("a token bucket answers like a bucket filled in unlimited precision, in every number", () => {
    fc.assert(fc.property(anyStory(anyQuotaOf("token-bucket"), { backwards: true }), answersLikeTheOracle));
  });

  it("a fixed window answers like a counter for each window, in every number", () => {
    fc.assert(fc.property(anyStory(anyQuotaOf("fixed-window"), { backwards: true }), answersLikeTheOracle));
  });

  function answersLikeTheOracle(story: Story): void {
    const { quota } = story;
    const shelf = createShelf();
    const history: Counted[] = [];
    for (const { clockMs, cost } of instantsOf(story)) {
      // Time never runs back behind the newest admission.
      const nowMs = Math.max(clockMs, history.at(-1)?.atMs ?? 0);
      // The clock has to come back to there before any wait begins.
      const lagMs = nowMs - clockMs;
      const waitMs = waitFor(history, quota, cost, nowMs);
      const allowed = waitMs === 0;
      const decision = shelf.takeOne(chargeOf(quota, { cost }), clockMs);
      if (allowed) history.push({ atMs: nowMs, cost });
      const remaining = roomAt(history, quota, nowMs);
      expect(decision).toEqual({
        allowed,
        retryAfterMs: allowed ? 0 : waitMs + lagMs,
        nowMs,
        remaining,
        moreRoomMs: remaining < quota.burst ? waitFor(history, quota, remaining + 1, nowMs) + lagMs : 0,
        resetMs: waitFor(history, quota, quota.burst, nowMs),
      });
    }
  }
});
