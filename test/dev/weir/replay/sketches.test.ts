import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCallerSample } from "../../../../dev/weir/replay/caller-sample.ts";
import { createHistogram } from "../../../../dev/weir/replay/histogram.ts";
import { createLiveMap } from "../../../../dev/weir/replay/live-map.ts";
import { createTimeline } from "../../../../dev/weir/replay/timeline.ts";
import { createTopKeys } from "../../../../dev/weir/replay/top-keys.ts";

const values = fc.array(fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 100_000 })), {
  minLength: 1,
});

function histogramOf(list: readonly number[]) {
  const histogram = createHistogram();
  for (const value of list) histogram.add(value);
  return histogram;
}

const above = (list: readonly number[], limit: number): number =>
  list.filter((value) => value > limit).length;
const excess = (list: readonly number[], limit: number): number =>
  list.reduce((sum, value) => sum + Math.max(0, value - limit), 0);

describe("a histogram", () => {
  it("gives a limit that no more values are above, and the smallest one within 1/128", () => {
    fc.assert(
      fc.property(values, fc.nat(50), (list, most) => {
        const limit = histogramOf(list).limitForTail(most);
        expect(above(list, limit)).toBeLessThanOrEqual(most);
        const smaller = limit <= 1_024 ? limit - 1 : Math.floor(limit * (1 - 1 / 64));
        if (limit > 0) expect(above(list, smaller)).toBeGreaterThan(most);
      }),
    );
  });

  it("gives a limit for what is above it that is never too large, and exact for small values", () => {
    fc.assert(
      fc.property(values, fc.nat(500), (list, most) => {
        const limit = histogramOf(list).limitForExcess(most);
        if (limit > 0) expect(excess(list, limit - 1)).toBeGreaterThan(most);
        if (Math.max(...list) <= 1_024) expect(excess(list, limit)).toBeLessThanOrEqual(most);
      }),
    );
  });
});

describe("a sample of callers", () => {
  it("is exact while it holds them all, each with its highest peak", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(20), fc.nat(100))),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        (peaks, share) => {
          const sample = createCallerSample(100);
          const highest = new Map<number, number>();
          for (const [caller, peak] of peaks) {
            sample.add(`caller ${caller}`, peak);
            highest.set(caller, Math.max(peak, highest.get(caller) ?? 0));
          }
          expect({ count: sample.count(), isWhole: sample.isWhole }).toEqual({
            count: highest.size,
            isWhole: true,
          });
          const limit = sample.limitFor(share);
          const exceeding = (most: number) => [...highest.values()].filter((peak) => peak > most).length;
          expect(exceeding(limit)).toBeLessThanOrEqual(Math.floor(share * highest.size));
          if (limit > 0) expect(exceeding(limit - 1)).toBeGreaterThan(Math.floor(share * highest.size));
        },
      ),
    );
  });

  it("is fair when there are too many", () => {
    const sample = createCallerSample(4_000);
    for (let round = 0; round < 2; round++)
      for (let i = 0; i < 100_000; i++) sample.add(`=2:ip9:198.51.${i}`, i % 100);
    expect(sample.isWhole).toBe(false);
    expect(sample.count()).toBeGreaterThan(95_000);
    expect(sample.count()).toBeLessThan(105_000);
    // A twentieth of them are above 94.
    expect(Math.abs(sample.limitFor(0.05) - 94)).toBeLessThanOrEqual(1);
  });
});

describe("the most frequent keys", () => {
  const keys = fc.array(fc.oneof(fc.nat(3), fc.nat(200)).map(String), { maxLength: 1_000 });

  it("are exact while there are few", () => {
    fc.assert(
      fc.property(keys, (list) => {
        const top = createTopKeys(1_000);
        for (const key of list) top.add(key);
        const counts = Map.groupBy(list, (key) => key);
        expect(top.distinct()).toBe(counts.size);
        expect(top.top(5).map(({ count }) => count)).toEqual(
          [...counts.values()]
            .map(({ length }) => length)
            .toSorted((a, b) => b - a)
            .slice(0, 5),
        );
        for (const { key, count, error } of top.top(5))
          expect({ count, error }).toEqual({ count: counts.get(key)?.length, error: 0 });
      }),
    );
  });

  it("are never too small and within their error when there are many", () => {
    fc.assert(
      fc.property(keys, (list) => {
        const top = createTopKeys(10);
        for (const key of list) top.add(key);
        for (const { key, count, error } of top.top(10)) {
          const real = list.filter((one) => one === key).length;
          expect(count).toBeGreaterThanOrEqual(real);
          expect(count - error).toBeLessThanOrEqual(real);
        }
      }),
    );
  });
});

describe("the live keys", () => {
  it("are all kept while idle ones make room", () => {
    const map = createLiveMap<number>(100, (untilMs) => untilMs);
    for (let nowMs = 0; nowMs < 10_000; nowMs++) map.set(`key ${nowMs}`, nowMs + 50, nowMs);
    expect(map.dropped).toBe(0);
    for (let nowMs = 9_950; nowMs < 10_000; nowMs++) expect(map.has(`key ${nowMs}`)).toBe(true);
  });

  it("are bounded, and those that had to go are counted and heard of", () => {
    const gone: string[] = [];
    const map = createLiveMap<number>(
      100,
      () => Number.POSITIVE_INFINITY,
      (key) => gone.push(key),
    );
    for (let i = 0; i < 1_000; i++) map.set(`key ${i}`, i, i);
    expect(map.size).toBeLessThanOrEqual(100);
    expect(map.dropped).toBe(1_000 - map.size);
    expect(gone).toEqual(Array.from({ length: map.dropped }, (_, i) => `key ${i}`));
    map.clear();
    expect(gone).toHaveLength(1_000);
  });
});

describe("a timeline", () => {
  it("loses nothing, whatever the order, in no more steps than it may have", () => {
    const times = fc.array(fc.oneof(fc.nat(5_000), fc.nat(10_000_000)), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(times, (list) => {
        const timeline = createTimeline(16);
        for (const timeMs of list) timeline.series("a").add(timeMs);
        const points = timeline.points("a");
        expect(points.length).toBeLessThanOrEqual(16);
        for (const { timeMs, count } of points) {
          const own = list.filter((one) => one >= timeMs && one < timeMs + timeline.bucketMs);
          expect(count).toBe(own.length);
        }
        expect(points.reduce((sum, { count }) => sum + count, 0)).toBe(list.length);
        expect(timeline.points("b").every(({ count }) => count === 0)).toBe(true);
      }),
    );
  });
});
