import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import { rulesOn } from "./fixtures.ts";

const page = readFileSync(resolve(import.meta.dirname, "../../../../docs/recipes.md"), "utf8");

/** The recipes by their headings. */
const recipes = page
  .split(/^## /m)
  .map((section) => [section.split("\n")[0] ?? "", /```toml\n(.*?)```/s.exec(section)?.[1]] as const)
  .filter((recipe): recipe is readonly [string, string] => recipe[1] !== undefined);

describe("the recipes of the documentation", () => {
  it("are found", () => {
    expect(recipes.length).toBeGreaterThan(5);
  });

  it.each(recipes)("%s: has nothing that needs advice", (_, toml) => {
    const { vars } = parse(toml) as { vars: Record<string, unknown> };
    const tokens = vars.JWKS_URL === undefined ? { JWT_SECRET: "a secret" } : {};
    expect(rulesOn({ ...tokens, ...vars })).toEqual([]);
  });
});
