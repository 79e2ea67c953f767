import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePointer } from "../../src/config/json-pointer.ts";

describe("a JSON pointer", () => {
  it.each([
    ["/a", ["a"]],
    ["/usage/total_tokens", ["usage", "total_tokens"]],
    ["/items/0", ["items", "0"]],
    ["/", [""]],
    ["/a//b/", ["a", "", "b", ""]],
    ["/a~1b", ["a/b"]],
    ["/m~0n", ["m~n"]],
    ["/~01", ["~1"]],
    ["/~10", ["/0"]],
    ["/ a ", [" a "]],
    ["/%2F", ["%2F"]],
  ])("%j has the tokens %j", (text, value) => {
    expect(parsePointer(text)).toEqual({ ok: true, value });
  });

  it.each([
    ["", /^is empty; write it like "\/usage\/total_tokens"$/],
    ["usage/total", /^"usage\/total" does not start with "\/"; write it like/],
    ["#/usage", /^"#\/usage" does not start with "\/"/],
    [" /usage", /does not start with "\/"/],
    ["$.usage", /does not start with "\/"/],
    ["/a~", /^"\/a~": "~" must be followed by 0 or 1; write "~0" for "~"/],
    ["/a~2b", /^"\/a~2b": "~" must be/],
    ["/~~0", /"~" must be/],
  ])("%j is refused", (text, problem) => {
    expect(parsePointer(text)).toEqual({ ok: false, problem: expect.stringMatching(problem) });
  });

  it("gives back any tokens as they were written", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom(..."~/01a") }), { minLength: 1 }), (tokens) => {
        const written = tokens.map((token) => `/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`);
        expect(parsePointer(written.join(""))).toEqual({ ok: true, value: tokens });
      }),
    );
  });
});
