import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { unstable_getVarsForDev as readAsWrangler } from "wrangler";
import { fitsEnvFile, writeEnvFile } from "../../dev/env-file.ts";

describe("the file of variables for wrangler dev", () => {
  it.each([
    "",
    " spaces around ",
    "a#b",
    "$HOME and \\$ and $" + "{HOME}",
    "it's",
    'POLICIES=[{"name": "a"}]',
    `[{"name": "it's"}]`,
    "two\nlines",
    "a\\nb",
    "back`tick",
    "$& $1",
  ])("hands on %j as it is", (value) => {
    expect(handedOn({ BEFORE: "1", VALUE: value, AFTER: "2" })).toEqual({
      BEFORE: "1",
      VALUE: value,
      AFTER: "2",
    });
  });

  it.each(["ends with \\", "a\r\nb", "'\"`", "'`\\n"])("knows that it cannot hold %j", (value) => {
    expect(fitsEnvFile(value)).toBe(false);
    expect(() => handedOn({ VALUE: value })).toThrow(/^a value does not fit into an env file$/);
  });

  it("goes ahead of .dev.vars and leaves the rest of it as it is", () => {
    const files = { ".dev.vars": "TOKEN=pa$word\nMODE=shadow", ".env": "IGNORED=1" };
    expect(handedOn({ MODE: "off" }, files)).toEqual({ TOKEN: "pa$word", MODE: "off" });
  });

  it("goes ahead of .env and .env.local", () => {
    const files = { ".env": "A=1\nB=1\nC=1", ".env.local": "B=2\nC=2" };
    expect(handedOn({ C: "3" }, files)).toEqual({ A: "1", B: "2", C: "3" });
  });

  it("can be read by nobody else, and is removed", () => {
    const { paths, remove } = writeEnvFile({ A: "1" }, newFolder());
    const path = paths.at(-1) ?? "";
    expect(statSync(path).mode & 0o777).toBe(0o600);
    remove();
    expect(existsSync(path)).toBe(false);
  });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "weir-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** What wrangler makes of the variables, beside these files of the user's. */
function handedOn(variables: Record<string, string>, files: Record<string, string> = {}) {
  const folder = newFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const { paths, remove } = writeEnvFile(variables, folder);
  onTestFinished(remove);
  const vars = readAsWrangler(join(folder, "wrangler.toml"), [...paths], {}, undefined, true);
  return Object.fromEntries(Object.entries(vars).map(([name, { value }]) => [name, value]));
}
