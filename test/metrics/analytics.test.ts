import { expect, it } from "vitest";
import { writePoints } from "../../src/metrics/analytics.ts";

function pointsOf(counts: Readonly<Record<string, number>>): unknown[] {
  const points: unknown[] = [];
  writePoints({ writeDataPoint: (point) => points.push(point) }, new Map(Object.entries(counts)));
  return points;
}

it("a flush becomes one data point for each policy", () => {
  const points = pointsOf({
    "requests api allowed": 5,
    "requests api refused": 2,
    "requests chat shadow_refused": 1,
    "requests chat degraded": 4,
    "near_limit api": 3,
    "answers allowed": 9,
    "hits http": 2,
  });
  expect(points).toEqual([
    { indexes: ["api"], blobs: ["api"], doubles: [5, 0, 0, 2, 3] },
    { indexes: ["chat"], blobs: ["chat"], doubles: [0, 1, 4, 0, 0] },
  ]);
});

it("a flush without decisions becomes none", () => {
  expect(pointsOf({ "store_errors upstash timeout": 1 })).toEqual([]);
});

it("a flush writes no more data points than the platform takes", () => {
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`requests p${i} allowed`, 1]));
  expect(pointsOf(many)).toHaveLength(25);
});
