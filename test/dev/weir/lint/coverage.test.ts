import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { coverAll } from "../../../../dev/weir/lint/coverage.ts";
import { parsePattern } from "../../../../src/config/pattern.ts";
import { trieRouter } from "../../../../src/http/trie-router.ts";
import { createMatcher } from "../../../../src/policy/match.ts";
import { pathForms } from "../../../../src/policy/path-forms.ts";
import { configOf } from "../../../config/fixtures.ts";

function pattern(text: string) {
  const parsed = parsePattern(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

const covers = (one: string, other: string): boolean => coverAll([pattern(one)], [pattern(other)]);

describe("a pattern", () => {
  it.each([
    ["/*", "POST example.com/api/x"],
    ["/api/*", "/api"],
    ["/api/*", "/API/v1/"],
    ["/users/:id", "/users/:name"],
    ["/users/:id", "/users/me"],
    ["/users/:id{[0-9]+}", "/users/:id{[0-9]+}"],
    ["GET /a", "HEAD /a"],
    ["/a/*/c", "/a/b/c"],
    ["GET,POST /a", "POST /a"],
  ])("%s covers %s", (one, other) => {
    expect(covers(one, other)).toBe(true);
  });

  it.each([
    ["/api/*", "/*"],
    ["/users/me", "/users/:id"],
    ["/users/:id", "/users/*"],
    ["/users/:id", "/users/:id?"],
    ["/users/:id", "/users/:id{.+}"],
    ["/users/:id{[0-9]+}", "/users/:id"],
    ["POST /a", "/a"],
    ["/a", "OPTIONS /a"],
    ["example.com/a", "/a"],
    ["/:page", "/"],
    ["/a", "/a/b"],
    ["/*/*", "/a/*/:y?"],
  ])("%s does not cover %s", (one, other) => {
    expect(covers(one, other)).toBe(false);
  });

  it("covers another one only when it matches all that the other does", () => {
    const segments = fc.array(fc.constantFrom("a", "b", "*", ":x", ":y?", ":z{[ab]+}"), { maxLength: 3 });
    const patterns = segments.map(
      (list) => `/${list.filter((s, i) => !s.endsWith("?") || i === list.length - 1).join("/")}`,
    );
    const paths = fc
      .array(fc.constantFrom("a", "b", "c"), { maxLength: 4 })
      .map((list) => `/${list.join("/")}`);
    let covered = 0;
    fc.assert(
      fc.property(
        patterns,
        patterns,
        fc.array(paths, { minLength: 5, maxLength: 20 }),
        (one, other, tried) => {
          if (!covers(one, other)) return;
          const { policies } = configOf({
            POLICIES: [
              { name: "one", match: one, limit: "1/s" },
              { name: "other", match: other, limit: "1/s" },
            ],
          });
          const matcher = createMatcher(policies, [], trieRouter);
          for (const path of tried) {
            const line = {
              method: "GET",
              host: "h",
              sentPath: path,
              paths: pathForms(path),
              isPreflight: false,
            };
            const names = matcher.match(line).map(({ policy }) => policy.name);
            if (names.includes("other")) covered += 1;
            expect(names.includes("other") && !names.includes("one")).toBe(false);
          }
        },
      ),
      { numRuns: 3_000 },
    );
    expect(covered).toBeGreaterThan(500);
  });
});
