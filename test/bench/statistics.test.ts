import { describe, expect, it } from "vitest";
import { median, paired, percentile, spread } from "../../bench/statistics.ts";

describe("a median", () => {
  it("is the value in the middle, whatever their order", () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  it("is between the two in the middle of an even number", () => {
    expect(median([4, 1, 3, 100])).toBe(3.5);
  });

  it("comes with the least and the greatest", () => {
    expect(spread([9, 1, 5])).toEqual({ median: 5, min: 1, max: 9 });
  });
});

describe("a percentile", () => {
  const upToHundred = Array.from({ length: 100 }, (_, i) => 100 - i);

  it.each([
    [0.5, 50],
    [0.99, 99],
    [1, 100],
    [0, 1],
  ])("of %d of the values from 1 to 100 is %i", (share, value) => {
    expect(percentile(upToHundred, share)).toBe(value);
  });

  it("between two values is the greater", () => {
    expect(percentile([1, 2, 3], 0.5)).toBe(2);
  });

  it("of a single value is that value", () => {
    expect(percentile([7], 0.99)).toBe(7);
  });
});

describe("rows that are compared", () => {
  it("are put together round by round", () => {
    expect(paired([10, 30], [5, 10], (one, other) => one / other)).toEqual([2, 3]);
  });

  it("leave out a round that only one of them has", () => {
    expect(paired([10, 30], [5], (one, other) => one - other)).toEqual([5]);
  });
});
