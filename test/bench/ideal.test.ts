import { describe, expect, it } from "vitest";
import { idealAllowed } from "../../bench/ideal.ts";
import { bucket, fixed, MINUTE, SECOND, START, sliding } from "../limit/fixtures.ts";

/** 120 requests at one a second. */
const sentFrom = (startMs: number) => Array.from({ length: 120 }, (_, i) => startMs + i * SECOND);

describe("what a single perfect counter allows of 120 requests at 1/s against 30/minute", () => {
  it("is 60 with a sliding window", () => {
    expect(idealAllowed(sliding(30, MINUTE), sentFrom(START))).toBe(60);
  });

  it.each([
    [0, 60],
    [15, 75],
    [30, 90],
    [45, 75],
  ])("is with a fixed window, begun %i s into one, %i", (offset, allowed) => {
    expect(idealAllowed(fixed(30, MINUTE), sentFrom(START + offset * SECOND))).toBe(allowed);
  });

  it("is 30 at once and one every two seconds with a token bucket", () => {
    expect(idealAllowed(bucket(30, MINUTE), sentFrom(START))).toBe(89);
  });
});
