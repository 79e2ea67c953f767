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

const keysOf = (map: BoundedMap<string, number>, keys: string) =>
  [...keys].filter((key) => map.get(key) !== undefined).join("");

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

  it("forgets what was set longest ago when there are too many", () => {
    const map = new BoundedMap<string, number>(2);
    for (const key of "abc") map.set(key, 1);
    expect(keysOf(map, "abc")).toBe("bc");
  });

  it("keeps what was set again", () => {
    const map = new BoundedMap<string, number>(2);
    for (const key of "abac") map.set(key, 1);
    expect(keysOf(map, "abc")).toBe("ac");
  });

  it("has room again for what was deleted", () => {
    const map = new BoundedMap<string, number>(2);
    for (const key of "ab") map.set(key, 1);
    map.delete("b");
    map.set("c", 1);
    expect(keysOf(map, "abc")).toBe("ac");
  });

  describe("with a bound in bytes", () => {
    const bounded = () => new BoundedMap<string, number>(100, 6, (key) => key.length);

    it("forgets as many of the oldest as it takes", () => {
      const map = bounded();
      for (const key of ["aa", "bb", "cc", "ddddd"]) map.set(key, 1);
      expect(["aa", "bb", "cc", "ddddd"].filter((key) => map.get(key))).toEqual(["ddddd"]);
    });

    it("does not count twice what is set again, nor at all what was deleted", () => {
      const map = bounded();
      for (let i = 0; i < 5; i++) map.set("aa", i);
      map.set("bb", 1);
      map.delete("bb");
      map.delete("bb");
      map.set("cccc", 1);
      expect([map.get("aa"), map.get("bb"), map.get("cccc")]).toEqual([4, undefined, 1]);
    });

    it("forgets even the newest when it alone is too large", () => {
      const map = bounded();
      map.set("aaaaaaa", 1);
      map.set("b", 1);
      expect([map.get("aaaaaaa"), map.get("b")]).toEqual([undefined, 1]);
    });
  });
});
