import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const SRC = resolve(import.meta.dirname, "../../src");

interface Import {
  readonly from: string;
  /** A file below `src`, or the name of a package. */
  readonly target: string;
  readonly isType: boolean;
}

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
const source = (file: string): string => readFileSync(join(SRC, file), "utf8");
/** Without comments, so that prose may speak of the clock. */
const code = (file: string): string => source(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
const imports = files.flatMap(importsOf);

function importsOf(from: string): Import[] {
  const statements = code(from).matchAll(/^(?:import|export)\s+(type\s)?[^;]*?from\s+"([^"]+)"/gm);
  return [...statements].map(([, type, path = ""]) => {
    const target = path.startsWith(".") ? relative(SRC, resolve(SRC, dirname(from), path)) : path;
    return { from, target, isType: type !== undefined };
  });
}

/** What the files of a folder may import besides each other. */
const ALLOWED: Readonly<Record<string, { values: readonly string[]; types?: readonly string[] }>> = {
  "limit/": { values: [] },
  "config/": { values: ["limit/", "ip-address.ts", "leven"] },
  "policy/": { values: ["limit/", "ip-address.ts"], types: ["config/"] },
  "key/": {
    values: [
      "limit/quota.ts",
      "hono/utils/cookie",
      "ip-address.ts",
      "jose/",
      "store/bounded-map.ts",
      "store/deadline.ts",
    ],
    types: ["config/", "limit/", "store/store.ts"],
  },
  "metrics/": { values: ["clock.ts", "cloudflare:workers"] },
  "admin/": {
    values: [
      ...["config/", "policy/path-forms.ts", "key/", "metrics/"],
      ...["limit/quota.ts", "http/decide.ts"],
    ],
    types: ["policy/", "limit/", "http/", "store/store.ts", "store/deadline.ts"],
  },
  "http/": {
    values: [
      ...["policy/", "key/", "metrics/", "hono/"],
      ...["limit/quota.ts", "store/permits.ts", "store/bounded-map.ts"],
    ],
    types: ["config/", "limit/", "store/store.ts", "store/ladder.ts", "store/deadline.ts", "store/slots.ts"],
  },
};

/** Adapters and layers of the store: they know the port and the core, never one another. */
const STORE_FILES: Readonly<Record<string, readonly string[]>> = {
  "store/store.ts": ["store/deadline.ts"],
  "store/deadline.ts": ["clock.ts"],
  "store/breaker.ts": [],
  "store/bounded-map.ts": [],
  "store/local.ts": ["store/store.ts"],
  "store/counter-protocol.ts": [],
  "store/counter-wire.ts": ["store/counter-protocol.ts"],
  "store/counter.ts": ["store/counter-protocol.ts", "store/reserve.ts"],
  "store/reserve.ts": ["store/held-permits.ts", "store/pace.ts"],
  "store/counter-object.ts": [
    ...["store/counter.ts", "store/counter-wire.ts", "store/counter-protocol.ts"],
    ...["metrics/", "clock.ts", "cloudflare:workers"],
  ],
  "store/counter-administration.ts": ["store/store.ts", "store/deadline.ts", "store/counter-protocol.ts"],
  "store/durable-object.ts": ["store/store.ts", "store/counter-protocol.ts"],
  "store/scripts/lua.ts": [],
  "store/scripts/texts.ts": ["store/scripts/"],
  "store/upstash.ts": [
    ...["store/store.ts", "store/deadline.ts", "store/scripts/lua.ts"],
    ...["store/upstash-rest.ts", "store/upstash-values.ts"],
  ],
  "store/upstash-values.ts": [],
  "store/upstash-rest.ts": [],
  "store/keyed-stores.ts": ["store/store.ts", "store/deadline.ts", "store/bounded-map.ts"],
  "store/known-refusals.ts": ["store/bounded-map.ts"],
  "store/edge-cache.ts": ["store/store.ts", "store/known-refusals.ts"],
  "store/ladder.ts": ["store/store.ts", "store/deadline.ts", "store/known-refusals.ts"],
  "store/slots.ts": ["store/store.ts", "store/deadline.ts", "store/bounded-map.ts"],
  "store/pace.ts": [],
  "store/held-permits.ts": [],
  "store/idle-watch.ts": [],
  "store/believed-refusal.ts": ["store/store.ts"],
  "store/ahead-plan.ts": ["store/store.ts", "store/believed-refusal.ts", "store/pace.ts"],
  "store/lease-plan.ts": ["store/pace.ts"],
  "store/lease.ts": ["store/store.ts", "store/held-permits.ts", "store/lease-plan.ts"],
  "store/lease-entries.ts": ["store/store.ts", "store/held-permits.ts", "store/lease.ts"],
  "store/leases.ts": [
    ...["store/store.ts", "store/deadline.ts", "store/bounded-map.ts", "store/known-refusals.ts"],
    ...["store/lease-plan.ts", "store/lease.ts", "store/lease-entries.ts"],
  ],
  "store/permits.ts": [
    ...["store/store.ts", "store/deadline.ts", "store/believed-refusal.ts", "store/ahead-plan.ts"],
    ...["store/held-permits.ts", "store/idle-watch.ts"],
  ],
  "store/guard.ts": ["store/store.ts", "store/deadline.ts", "store/breaker.ts", "store/ladder.ts"],
};

const fits = (target: string, allowed: readonly string[]): boolean =>
  allowed.some((prefix) => target === prefix || (prefix.endsWith("/") && target.startsWith(prefix)));

describe("imports", () => {
  it.each(Object.entries(ALLOWED))("of %s stay within its rules", (folder, { values, types = [] }) => {
    const own = imports.filter(({ from }) => from.startsWith(folder));
    expect(own.length).toBeGreaterThan(0);
    const broken = own.filter(({ target, isType }) => {
      return !fits(target, [folder, ...values, ...(isType ? types : [])]);
    });
    expect(broken).toEqual([]);
  });

  it("of store/ know the port and the core, and no other adapter", () => {
    const found = files.filter((file) => file.startsWith("store/"));
    expect(found.toSorted()).toEqual(Object.keys(STORE_FILES).toSorted());
    const broken = imports.filter(({ from, target }) => {
      return from.startsWith("store/") && !fits(target, ["limit/", ...(STORE_FILES[from] ?? [])]);
    });
    expect(broken).toEqual([]);
  });

  it("have no cycle, not even through types", () => {
    const next = new Map(files.map((file) => [file, imports.filter(({ from }) => from === file)]));
    const cycles: string[][] = [];
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]) => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file]);
      if (done.has(file) || path.includes(file)) return;
      for (const { target } of next.get(file) ?? []) visit(target, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });

  it("come from compose.ts and index.ts only as far as the runtime is concerned", () => {
    const runtime = imports.filter(
      ({ target }) => target.startsWith("cloudflare:") || target.startsWith("node:"),
    );
    expect(runtime.map(({ from }) => from).toSorted()).toEqual([
      "index.ts",
      "metrics/metrics-object.ts",
      "store/counter-object.ts",
    ]);
  });
});

describe("names", () => {
  it.each(["limit/", "config/", "policy/"])("of the clock and the network do not occur in %s", (folder) => {
    const own = files.filter((file) => file.startsWith(folder));
    expect(own.length).toBeGreaterThan(0);
    expect(own.filter((file) => /\b(Date|performance|setTimeout|crypto|hono)\b/.test(code(file)))).toEqual(
      [],
    );
    expect(own.filter((file) => /\bfetch\s*\(/.test(code(file)))).toEqual([]);
  });

  it("of the clock occur in one file", () => {
    const own = files.filter((file) => /\bDate\.now\b|new Date\(\)/.test(code(file)));
    expect(own).toEqual(["clock.ts"]);
  });
});
