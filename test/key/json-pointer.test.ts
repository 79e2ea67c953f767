import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isAmbiguous, valueAt } from "../../src/key/json-pointer.ts";

describe("a pointer", () => {
  const document: unknown = JSON.parse(
    '{"a":{"b":[10,{"c":null}],"":1},"a/b":2,"m~n":3,"01":4,"-":5,"__proto__":6,"length":7}',
  );

  it.each([
    [["a", "b", "0"], 10],
    [["a", "b", "1", "c"], null],
    [["a", ""], 1],
    [["a/b"], 2],
    [["m~n"], 3],
    [["01"], 4],
    [["-"], 5],
    [["__proto__"], 6],
    [["length"], 7],
    [
      ["a", "b"],
      [10, { c: null }],
    ],
    [[], document],
  ])("%j leads to %j", (pointer, value) => {
    expect(valueAt(document, pointer)).toEqual(value);
  });

  it.each([
    [["x"]],
    [["a", "b", "2"]],
    [["a", "b", "-"]],
    [["a", "b", "-1"]],
    [["a", "b", "00"]],
    [["a", "b", "01"]],
    [["a", "b", "1.0"]],
    [["a", "b", "1e0"]],
    [["a", "b", " 0"]],
    [["a", "b", "0\n"]],
    [["a", "b", ""]],
    [["a", "b", "length"]],
    [["a", "b", "99999999999999999999"]],
    [["a", "b", "0", "toFixed"]],
    [["a", "b", "1", "c", "d"]],
    [["toString"]],
    [["constructor", "name"]],
    [["a", "__proto__"]],
  ])("%j leads nowhere", (pointer) => {
    expect(valueAt(document, pointer)).toBeUndefined();
  });

  it.each(["text", 1, true, null, undefined])("leads nowhere in %j", (value) => {
    expect(valueAt(value, ["0"])).toBeUndefined();
    expect(valueAt(value, ["length"])).toBeUndefined();
  });

  it("finds every value of every document, and only those", () => {
    const expectAll = (root: unknown, at: readonly string[], value: unknown): void => {
      expect(valueAt(root, at)).toBe(value);
      if (typeof value !== "object" || value === null) return;
      for (const [name, inner] of Object.entries(value)) expectAll(root, [...at, name], inner);
      expect(valueAt(root, [...at, "no such member"])).toBeUndefined();
    };
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => expectAll(value, [], value)));
  });
});

describe("a pointer is ambiguous", () => {
  it.each([
    ['{"a":{"b":1}}', ["a", "b"], false],
    ['{"A":{"b":1}}', ["a", "b"], true],
    ['{"a":{"B":1}}', ["a", "b"], true],
    ['{"a":{"b":1,"B":2}}', ["a", "b"], true],
    ['{"a":{"b":1},"x":{"B":1}}', ["a", "b"], false],
    ['[{"A":1}]', ["0", "a"], true],
    ['{"a.c":1}', ["abc"], false],
    ['{"par\u017f":1}', ["pars"], true],
    ["1", ["a"], false],
  ])("in %s at %j: %s", (text, pointer, expected) => {
    expect(isAmbiguous(JSON.parse(text), pointer)).toBe(expected);
  });
});
