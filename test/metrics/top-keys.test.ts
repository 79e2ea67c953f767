import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addKey, type KeyCounts, MAX_KEYS, mergeKeys, sumKeys } from "../../src/metrics/top-keys.ts";

/** Few keys often, many keys seldom. */
const anyKeys = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 5 }) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 400 }) },
  ),
  { maxLength: 2_000, size: "max" },
);

function countsOf(keys: readonly number[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(String(key), (counts.get(String(key)) ?? 0) + 1);
  return counts;
}

function listOf(keys: readonly number[]): KeyCounts {
  const list: KeyCounts = new Map();
  for (const key of keys) addKey(list, String(key));
  return list;
}

describe("the list of the most frequent keys", () => {
  it("is exact while all keys fit", () => {
    const keys = Array.from({ length: MAX_KEYS }, (_, i) => i).flatMap((i) => Array(i + 1).fill(i));
    const list = listOf(keys);
    expect([...list].map(([key, [count, error]]) => [key, count, error])).toEqual(
      [...countsOf(keys)].map(([key, count]) => [key, count, 0]),
    );
  });

  it("gives a new key the place and the count of the one with the fewest", () => {
    const keys = Array.from({ length: MAX_KEYS }, (_, i) => i).flatMap((i) => [i, i, i]);
    const list = listOf([...keys.slice(0, -1), 99]);
    expect(list.size).toBe(MAX_KEYS);
    expect(list.get(String(MAX_KEYS - 1))).toBeUndefined();
    expect(list.get("99")).toEqual([3, 2]);
  });

  it("is never too low for a key in it, and too high by at most its error", () => {
    fc.assert(
      fc.property(anyKeys, (keys) => {
        const counts = countsOf(keys);
        for (const [key, [count, error]] of listOf(keys)) {
          expect(count).toBeGreaterThanOrEqual(counts.get(key) ?? 0);
          expect(count - error).toBeLessThanOrEqual(counts.get(key) ?? 0);
          expect(error).toBeLessThanOrEqual(keys.length / MAX_KEYS);
        }
      }),
    );
  });

  it("has every key with more than a 32nd of all occurrences, and never more than 32", () => {
    fc.assert(
      fc.property(anyKeys, (keys) => {
        const list = listOf(keys);
        expect(list.size).toBeLessThanOrEqual(MAX_KEYS);
        for (const [key, count] of countsOf(keys)) {
          if (count > keys.length / MAX_KEYS) expect(list.has(key)).toBe(true);
        }
      }),
    );
  });

  it("made of the lists of many batches and objects misses a count by at most a 16th of all", () => {
    const anySplit = fc.array(fc.array(anyKeys, { maxLength: 4 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(anySplit, (objects) => {
        const lists = objects.map((batches) => {
          const own = new Map<string, KeyCounts>();
          for (const keys of batches) mergeKeys(own, new Map([["api", listOf(keys)]]));
          return own;
        });
        const sum = sumKeys(lists).get("api") ?? new Map();
        const all = objects.flat(2);
        for (const [key, count] of countsOf(all)) {
          const [listed, error] = sum.get(key) ?? [0, 0];
          expect(Math.abs(listed - count)).toBeLessThanOrEqual((2 * all.length) / MAX_KEYS);
          expect(listed - error).toBeLessThanOrEqual(count);
        }
      }),
      { numRuns: 50 },
    );
  });
});
