import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyQuota, anyStory, instantsOf } from "./arbitraries.ts";
import { chargeOf, createShelf, DAY, MINUTE, START, sliding } from "./fixtures.ts";

fc.configureGlobal({ numRuns: 500 });

describe("time never runs back for a key", () => {
  it("an instant is never before that of the newest admission, wherever the clock jumps", () => {
    fc.assert(
      fc.property(anyStory(anyQuota, { backwards: true }), (story) => {
        const shelf = createShelf();
        let newestMs = 0;
        for (const { clockMs, cost } of instantsOf(story)) {
          const { decisions, receipts } = shelf.take([chargeOf(story.quota, { cost })], clockMs);
          expect(decisions.map(({ nowMs }) => nowMs)).toEqual([Math.max(newestMs, clockMs)]);
          if (receipts.length > 0) newestMs = Math.max(newestMs, clockMs);
        }
      }),
    );
  });

  it("a clock that jumps back frees nothing", () => {
    fc.assert(
      fc.property(anyQuota, fc.integer({ min: 1, max: DAY }), (quota, backMs) => {
        const shelf = createShelf();
        shelf.takeOne(chargeOf(quota, { cost: quota.burst }), START);
        expect(shelf.takeOne(chargeOf(quota), START - backMs).allowed).toBe(false);
      }),
    );
  });

  it("one key's clock is not another's", () => {
    const shelf = createShelf();
    const quota = sliding(1, MINUTE);
    shelf.takeOne(chargeOf(quota, { key: "ahead" }), START + DAY);
    expect(shelf.takeOne(chargeOf(quota, { key: "on time" }), START).nowMs).toBe(START);
  });
});
