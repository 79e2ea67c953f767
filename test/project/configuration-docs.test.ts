import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { DEFAULTS, POLICY_DEFAULTS } from "../../src/config/defaults.ts";
import { KEY_PARTS } from "../../src/config/key-expression.ts";
import { policySchema } from "../../src/config/policy-schema.ts";
import { VARIABLES } from "../../src/config/variables-schema.ts";
import { ALGORITHMS } from "../../src/limit/quota.ts";

const page = readFileSync(resolve(import.meta.dirname, "../../docs/configuration.md"), "utf8");

/** The section under a heading, up to the next one of any level. */
function section(heading: string): string {
  return page.split(/^#+ /m).find((text) => text.startsWith(`${heading}\n`)) ?? "";
}

/** The rows of a section's table: first and second cell without back quotes. */
function rows(heading: string): [name: string, second: string][] {
  const lines = section(heading)
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  return lines.map((line) => {
    const [, name = "", second = ""] = line.split("|").map((cell) => cell.trim().replace(/^`(.*)`$/, "$1"));
    return [name, second];
  });
}

const names = (heading: string): string[] => rows(heading).map(([name]) => name);
const written = (value: unknown): string =>
  typeof value === "object" ? JSON.stringify(value) : String(value);

describe("docs/configuration.md", () => {
  it("describes every variable", () => {
    const described = names("Variables").filter((name) => name !== "LIMIT_<NAME>");
    expect(described.toSorted()).toEqual([...VARIABLES].toSorted());
  });

  it("gives every variable's default", () => {
    const defaults: Readonly<Record<string, unknown>> = DEFAULTS;
    const wrong = rows("Variables").filter(([name, value]) => value !== written(defaults[name] ?? "none"));
    expect(wrong).toEqual([]);
  });

  it("describes every field of a policy", () => {
    expect(names("A policy").toSorted()).toEqual(Object.keys(policySchema).toSorted());
  });

  it("gives every field's default", () => {
    const defaults: Readonly<Record<string, unknown>> = {
      name: "required",
      limit: "required",
      ...POLICY_DEFAULTS,
    };
    const wrong = rows("A policy").filter(([name, value]) => value !== written(defaults[name] ?? "none"));
    expect(wrong).toEqual([]);
  });

  it("describes every key part and algorithm", () => {
    expect(
      names("Keys")
        .map((name) => name.replace(/:.*/, ""))
        .toSorted(),
    ).toEqual([...KEY_PARTS].toSorted());
    expect(names("Algorithms")).toEqual(ALGORITHMS);
  });
});
