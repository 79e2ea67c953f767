import { describe, expect, it } from "vitest";
import type { Decision } from "../../src/limit/charge.ts";
import { createKnownRefusals } from "../../src/store/known-refusals.ts";
import { charge, quota, START_MS } from "./fixtures.ts";

const MINUTE = 60_000;
const HORIZON = 10_000;
const one = charge({ quota: quota(10, MINUTE), cost: 4 });
const refusal: Decision = {
  allowed: false,
  retryAfterMs: 5_000,
  remaining: 0,
  moreRoomMs: 2_000,
  resetMs: 50_000,
  nowMs: START_MS,
};

function remembered(changes: Partial<Decision> = {}) {
  const clock = { nowMs: START_MS };
  const known = createKnownRefusals(() => clock.nowMs);
  known.remember(one, { ...refusal, ...changes }, START_MS);
  const findAfter = (ms: number) => {
    clock.nowMs = START_MS + ms;
    return known.find(one, HORIZON);
  };
  return { known, findAfter };
}

describe("a known refusal counts down", () => {
  it("to when the cost fits, by the store's clock", () => {
    const { findAfter } = remembered();
    expect(findAfter(1_500)).toEqual({
      allowed: false,
      remaining: 0,
      retryAfterMs: 3_500,
      moreRoomMs: 500,
      resetMs: 48_500,
      nowMs: START_MS + 1_500,
    });
  });

  it("to when the cost fits, once the next unit has come: another may have taken it", () => {
    expect(remembered().findAfter(2_000)).toMatchObject({ remaining: 0, moreRoomMs: 3_000 });
    expect(remembered({ remaining: 3 }).findAfter(1_000)).toMatchObject({ remaining: 0, moreRoomMs: 4_000 });
  });

  it("in whole numbers also where the cost will never fit", () => {
    const never = remembered({ retryAfterMs: Number.POSITIVE_INFINITY, remaining: 3 });
    expect(never.findAfter(1_000)).toMatchObject({
      retryAfterMs: Number.POSITIVE_INFINITY,
      moreRoomMs: 49_000,
    });
  });

  it("and is gone when the clock ran back behind its asking", () => {
    expect(remembered().findAfter(-1)).toBeUndefined();
  });
});
