import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BoundedMap } from "../../src/store/bounded-map.ts";

const KEYS = ["a", "b", "c", "d", "e", "f"];
const anyStep = fc.record({ key: fc.constantFrom(...KEYS), isDelete: fc.boolean() });

function elapsedMs(set: (key: number) => void): number {
  const startMs = performance.now();
  for (let key = 0; key < 1_000_000; key++) set(key);
  return performance.now() - startMs;
}

describe("a bounded map", () => {
  it("holds the entries set last, whatever was set again or deleted between", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(anyStep, { maxLength: 60 }), (max, steps) => {
        const map = new BoundedMap<string, number>(max);
        let expected: (readonly [string, number])[] = [];
        for (const [i, { key, isDelete }] of steps.entries()) {
          const others = expected.filter(([other]) => other !== key);
          expected = isDelete ? others : [...others, [key, i] as const].slice(-max);
          if (isDelete) map.delete(key);
          else map.set(key, i);
          const held = KEYS.flatMap((one) => map.get(one) ?? []);
          expect(held.toSorted()).toEqual(expected.map(([, value]) => value).toSorted());
        }
      }),
    );
  });

  it("lets a million keys pass without a look at all those it forgot", () => {
    const map = new BoundedMap<number, number>(10_000);
    const told = new Map<number, number>();
    const boundedMs = elapsedMs((key) => map.set(key, key));
    // One that is told which is the oldest. A look from the front, past what was forgotten, takes 20 times as long.
    const toldMs = elapsedMs((key) => told.set(key, key).delete(key - 10_000));
    expect(boundedMs / toldMs).toBeLessThan(8);
    expect([map.get(989_999), map.get(990_000), map.get(999_999)]).toEqual([undefined, 990_000, 999_999]);
  });
});
