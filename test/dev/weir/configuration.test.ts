import { mkdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type ConfigurationOptions, readConfiguration } from "../../../dev/weir/configuration.ts";
import { useFolder } from "./cli.ts";

const folder = useFolder();
let files = 0;

/** Reads a file with this text, beside others. */
function read(toml: string, options?: ConfigurationOptions, beside: Readonly<Record<string, string>> = {}) {
  const own = `${files++}`;
  mkdirSync(folder.path(own));
  for (const [name, text] of Object.entries(beside)) folder.write(`${own}/${name}`, text);
  return readConfiguration(folder.write(`${own}/wrangler.toml`, toml), options);
}

const OBJECTS = `[[durable_objects.bindings]]\nname = "COUNTERS"\nclass_name = "CounterObject"\n`;

describe("a wrangler.toml", () => {
  it("gives its variables as they are written", () => {
    const { env, problems } = read(`${OBJECTS}[vars]\nMODE = "shadow"\nIPV6_PREFIX = 56\n`);
    expect({ env, problems }).toEqual({ env: { MODE: "shadow", IPV6_PREFIX: 56 }, problems: [] });
  });

  it("gives service bindings as what a Worker has for them", () => {
    const { env } = read(`${OBJECTS}[[services]]\nbinding = "ORIGIN_SERVICE"\nservice = "site"\n`);
    expect(env.ORIGIN_SERVICE).toHaveProperty("fetch");
  });

  it("is filled in from .dev.vars beside it, where it says nothing itself", () => {
    const beside = { ".dev.vars": `KEY_SECRET="from a file"\nMODE=off\n` };
    const { env } = read(`${OBJECTS}[vars]\nMODE = "shadow"\n`, {}, beside);
    expect(env).toEqual({ MODE: "shadow", KEY_SECRET: "from a file" });
  });

  it("has the secrets that it requires, or that are named", () => {
    const toml = `${OBJECTS}[secrets]\nrequired = ["KEY_SECRET"]\n`;
    const { env } = read(toml, { secrets: ["JWKS_URL"] });
    expect(Object.keys(env).toSorted()).toEqual(["JWKS_URL", "KEY_SECRET"]);
    expect(env.JWKS_URL).toMatch(/^https:/);
  });

  it("hands nothing down to an environment", () => {
    const toml = `${OBJECTS}[vars]\nMODE = "shadow"\n[env.staging.vars]\nNAMESPACE = "staging"\n`;
    const { env, problems } = read(toml, { environment: "staging" });
    expect(env).toEqual({ NAMESPACE: "staging" });
    expect(problems).toEqual([
      { path: "env.staging.durable_objects.bindings", message: expect.stringContaining("COUNTERS") },
    ]);
  });

  it("has secrets of its own for an environment", () => {
    const beside = { ".dev.vars": "KEY_SECRET=one", ".dev.vars.staging": "KEY_SECRET=two" };
    const { env } = read("[env.staging.vars]\nSTORE = 'local'\n", { environment: "staging" }, beside);
    expect(env.KEY_SECRET).toBe("two");
  });

  it("suggests the nearest environment", () => {
    expect(() => read("[env.staging.vars]\n", { environment: "stagin" })).toThrow(
      /no environment \[env.stagin\]; did you mean "staging"\?/,
    );
  });

  it("needs the binding only for Durable Objects", () => {
    expect(read("").problems.map(({ path }) => path)).toEqual(["durable_objects.bindings"]);
    expect(read(`[vars]\nSTORE = "local"\n`).problems).toEqual([]);
  });
});
