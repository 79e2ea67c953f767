import { describe, expect, it } from "vitest";
import { BoundedMap } from "../../src/store/bounded-map.ts";

const keysOf = (map: BoundedMap<string, number>, keys: string) =>
  [...keys].filter((key) => map.get(key) !== undefined).join("");

describe("a bounded map", () => {
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
