import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { parse } from "smol-toml";
import { afterAll, describe, expect, it, vi } from "vitest";
import { unstable_readConfig as readWranglerConfig } from "wrangler";
import { readConfiguration } from "../../dev/weir/configuration.ts";
import { parseConfig } from "../../src/config/parse-config.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const text = (name: string): string => readFileSync(join(ROOT, name), "utf8");
const page = text("docs/deploy.md");
const own = parse(text("wrangler.toml"));

const folder = mkdtempSync(join(tmpdir(), "weir-deploy-docs-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The fragments of `wrangler.toml` by their headings. */
const fragments = page
  .split(/^## /m)
  .map((section) => [section.split("\n")[0] ?? "", /```toml\n(.*?)```/s.exec(section)?.[1]] as const)
  .filter((fragment): fragment is readonly [string, string] => fragment[1] !== undefined);

/** Weir's own `wrangler.toml` with a fragment in it; its variables are added to those that are there. */
function withFragment(heading: string): string {
  const fragment = parse(fragments.find(([one]) => one === heading)?.[1] ?? "");
  const vars = { ...(own.vars as object), ...(fragment.vars as object | undefined) };
  const file = join(folder, `${heading.replaceAll(" ", "-")}.json`);
  const main = join(ROOT, String(own.main));
  writeFileSync(file, JSON.stringify({ ...own, ...fragment, vars, main }));
  return file;
}

/** What wrangler makes of a file. Throws its errors; its warnings are errors here. */
function wranglerConfig(config: string, env?: string) {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  try {
    const read = readWranglerConfig({ config, env });
    expect(warn.mock.calls).toEqual([]);
    return read;
  } finally {
    warn.mockRestore();
  }
}

const problemsOf = (file: string, environment?: string) => {
  const { env, problems } = readConfiguration(file, { environment });
  const parsed = parseConfig(env);
  return [...problems, ...(parsed.ok ? [] : parsed.problems)];
};

describe("the files of docs/deploy.md", () => {
  it("are all tried here", () => {
    const headings = [
      "A route on your zone",
      "A custom domain",
      "A Worker behind it",
      "A staging environment",
    ];
    expect(fragments.map(([heading]) => heading)).toEqual(headings);
  });

  it.each(fragments)("%s: is what wrangler and Weir accept", (heading) => {
    const file = withFragment(heading);
    expect(problemsOf(file)).toEqual([]);
    wranglerConfig(file);
  });

  it("lead requests over a route and by no other way", () => {
    const { routes, workers_dev } = wranglerConfig(withFragment("A route on your zone"));
    const route = { pattern: "example.com/api/*", zone_name: "example.com" };
    expect({ routes, workers_dev }).toEqual({ routes: [route], workers_dev: false });
  });

  it("give a custom domain an origin", () => {
    const file = withFragment("A custom domain");
    expect(wranglerConfig(file).routes).toEqual([{ pattern: "api.example.com", custom_domain: true }]);
    const parsed = parseConfig(readConfiguration(file).env);
    expect(parsed.ok && parsed.config.origin).toMatchObject({ kind: "url" });
  });

  it("make another Worker the origin", () => {
    const parsed = parseConfig(readConfiguration(withFragment("A Worker behind it")).env);
    expect(parsed.ok && parsed.config.origin).toEqual({ kind: "service" });
  });

  it("make staging a Worker of its own, with the same objects and nothing of production's", () => {
    const file = withFragment("A staging environment");
    expect(problemsOf(file, "staging")).toEqual([]);
    const [production, staging] = [wranglerConfig(file), wranglerConfig(file, "staging")];
    expect(staging.name).toBe("weir-staging");
    expect(staging.exports).toEqual(production.exports);
    expect(staging.durable_objects).toEqual(production.durable_objects);
    const route = { pattern: "staging.example.com/*", zone_name: "example.com" };
    expect(staging.routes).toEqual([route]);
    expect(staging.vars.NAMESPACE).not.toBe(production.vars.NAMESPACE ?? "weir");
  });
});

describe("the costs of docs/deploy.md", () => {
  const rows = page
    .split("\n")
    .filter((line) => line.endsWith(" |") && /\| \$[\d.]+ \|/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .map(([, what = "", ...cells]) => {
      const numbers = cells.slice(0, 5).map((cell) => Number(cell.replace(/[$,]/g, "")));
      return [what, numbers] as const;
    });

  it("are found", () => {
    expect(rows).toHaveLength(6);
  });

  it.each(rows)("%s: add up", (_, [calls = 0, written = 0, objects, commands = 0, redis]) => {
    const dollars = (amount: number) => Number(amount.toFixed(2));
    expect(objects).toBe(dollars((calls * 0.15 + written * 1) / 1_000_000));
    expect(redis).toBe(dollars((commands * 2) / 1_000_000));
  });
});

describe("the button", () => {
  const button =
    /\[!\[Deploy to Cloudflare\]\(https:\/\/deploy\.workers\.cloudflare\.com\/button\)\]\((.*)\)/;

  it("is the same wherever it stands, and names a repository", () => {
    const [, link] = button.exec(text("README.md")) ?? [];
    expect(link).toMatch(
      /^https:\/\/deploy\.workers\.cloudflare\.com\/\?url=https:\/\/github\.com\/[^/]+\/weir$/,
    );
    expect(button.exec(page)?.[1]).toBe(link);
  });

  it("describes what it asks for: every secret of the example, and nothing that is not there", () => {
    const { cloudflare } = JSON.parse(text("package.json"));
    const secrets = Object.keys(parseEnv(text(".dev.vars.example")));
    const objects = (own.durable_objects as { bindings: { name: string }[] }).bindings.map(
      ({ name }) => name,
    );
    const there = [...Object.keys(own.vars as object), ...objects, ...secrets];
    expect(Object.keys(cloudflare.bindings).toSorted()).toEqual(there.toSorted());
  });

  it("deploys with the example's values as they are", () => {
    const parsed = parseConfig({ ...(own.vars as object), ...parseEnv(text(".dev.vars.example")) });
    expect(parsed).toMatchObject({ ok: true });
  });
});
