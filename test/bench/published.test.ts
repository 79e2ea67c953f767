import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it } from "vitest";
import { between } from "../../bench/published.ts";

const ROOT = resolve(import.meta.dirname, "../..");

it("puts a run's tables between the marks, and leaves the rest", () => {
  const text = "before\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nafter";
  expect(between(text, "new")).toBe("before\n<!-- bench: begin -->\n\nnew\n\n<!-- bench: end -->\nafter");
});

it.each(["nothing", "<!-- bench: end --> <!-- bench: begin -->"])(
  "refuses a text without a place: %s",
  (text) => {
    expect(() => between(text, "new")).toThrow("there is no place");
  },
);

it.each(["README.md", "bench/README.md"])("%s has a place for them", (file) => {
  expect(between(readFileSync(resolve(ROOT, file), "utf8"), "new")).toContain("new");
});
