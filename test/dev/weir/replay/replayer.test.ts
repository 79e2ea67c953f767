import { describe, expect, it } from "vitest";
import type { Entry } from "../../../../dev/weir/log/entry.ts";
import { BOUNDS } from "../../../../dev/weir/replay/bounds.ts";
import { readableKey } from "../../../../dev/weir/replay/key-values.ts";
import { notesOn } from "../../../../dev/weir/replay/notes.ts";
import { createReplayer, type Verdict } from "../../../../dev/weir/replay/replayer.ts";
import { configOf } from "../../../config/fixtures.ts";

type Written = Readonly<Record<string, unknown>>;

const START_MS = 1_790_000_000_000;
const ENTRY: Entry = {
  timeMs: START_MS,
  method: "GET",
  host: "example.com",
  target: "/",
  address: "192.0.2.7",
  status: 200,
};

/** Replays entries, each given by what is different, and says what would have become of them. */
async function replay(env: Written, entries: readonly Partial<Entry>[], maxKeys = 1_000) {
  const config = configOf(env);
  const replayer = createReplayer(config, { ...BOUNDS, keys: maxKeys });
  const verdicts: Verdict[] = [];
  for (const fields of entries) verdicts.push(await replayer.take({ ...ENTRY, ...fields }));
  replayer.end();
  return { verdicts, replayer, config };
}

const policies = (...fields: readonly Written[]): Written => ({
  POLICIES: fields.map((one, i) => ({ name: `policy-${i}`, limit: "1/minute", ...one })),
});

const twice = (fields: Partial<Entry>): Partial<Entry>[] => [fields, fields];

describe("a replay", () => {
  it("admits again when the log's clock says so", async () => {
    const { verdicts } = await replay(policies({}), [
      {},
      { timeMs: START_MS + 59_999 },
      { timeMs: START_MS + 60_000 },
    ]);
    expect(verdicts).toEqual(["admitted", "refused", "admitted"]);
  });

  it("is not confused by what is out of order", async () => {
    const { verdicts } = await replay(policies({}), [{}, { timeMs: START_MS - 1_000 }]);
    expect(verdicts).toEqual(["admitted", "refused"]);
  });

  it("counts each caller by itself, and an IPv6 network as one", async () => {
    const entries = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "192.0.2.1"];
    const { verdicts } = await replay(
      policies({}),
      entries.map((address) => ({ address })),
    );
    expect(verdicts).toEqual(["admitted", "admitted", "admitted", "refused", "refused"]);
  });

  it.each<[string, Written, Partial<Entry>, Verdict]>([
    ["denied networks", { DENY: ["192.0.2.0/24"] }, {}, "denied"],
    ["allowed networks", { ALLOW: ["192.0.2.0/24"] }, {}, "unlimited"],
    ["exempt paths", { EXEMPT: ["/health"] }, { target: "/health?x" }, "unlimited"],
    ["Weir's own paths", {}, { target: "/_weir/limits" }, "own"],
    ["other methods", policies({ match: "POST /" }), {}, "unlimited"],
    ["other hosts", policies({ match: "other.example.com/" }), {}, "unlimited"],
    ["CORS preflights", {}, { method: "OPTIONS" }, "unlimited"],
    ["policies that are off", policies({ mode: "off" }), {}, "unlimited"],
    ["policies about messages", policies({ on: "message" }), { status: 101 }, "unlimited"],
    ["policies about sockets", policies({ on: "connection" }), {}, "unlimited"],
    ["concurrency", policies({ limit: "1 concurrent" }), {}, "unlimited"],
  ])("leaves alone what the limiter would: %s", async (_, env, entry, verdict) => {
    expect((await replay({ ...policies({}), ...env }, twice(entry))).verdicts).toEqual([verdict, verdict]);
  });

  it.each<[string, Written, Partial<Entry>]>([
    ["respelled paths", policies({ match: "/a/b" }), { target: "//A/%62/" }],
    ["dot segments", policies({ match: "/b" }), { target: "/a/../b" }],
    ["HEAD for GET", policies({ match: "GET /" }), { method: "HEAD" }],
    ["the host", policies({ match: "example.com/" }), {}],
    ["opened sockets", policies({ on: "connection" }), { status: 101 }],
  ])("finds what the limiter would: %s", async (_, env, entry) => {
    expect((await replay(env, twice(entry))).verdicts).toEqual(["admitted", "refused"]);
  });

  it.each<[string, string, Partial<Entry>]>([
    ["query:key", "key", { target: "/?key=other" }],
    ["param:id", "param", { target: "/users/2" }],
    ["path", "path", { target: "/users/2" }],
    ["method", "method", { method: "POST" }],
    ["host", "host", { host: "www.example.com" }],
    ["header:x-user", "header", { values: new Map([["header:x-user", "ann"]]) }],
    ["cookie:session", "cookie", { values: new Map([["cookie:session", "ä;="]]) }],
    ["country", "country", { values: new Map([["country", "DE"]]) }],
    ["asn", "asn", { values: new Map([["asn", "64500"]]) }],
    ["user", "user", { values: new Map([["jwt:sub", "ann"]]) }],
  ])("tells callers apart by %s", async (key, _, other) => {
    const env = { JWT_SECRET: "s", ...policies({ key, match: ["/users/:id", "/*"] }) };
    const { verdicts } = await replay(env, [{}, other, {}, other]);
    expect(verdicts).toEqual(["admitted", "admitted", "refused", "refused"]);
  });

  it("charges what a header says", async () => {
    const costs = ["3", "3", "1"].map((cost) => ({ values: new Map([["header:x-cost", cost]]) }));
    const { verdicts } = await replay(policies({ limit: "4/minute", cost: "header:x-cost" }), costs);
    expect(verdicts).toEqual(["admitted", "refused", "admitted"]);
  });

  it("gives back what its status does not count", async () => {
    const statuses = [200, 200, 401, 200];
    const { verdicts } = await replay(
      policies({ count: "401" }),
      statuses.map((status) => ({ status })),
    );
    expect(verdicts).toEqual(["admitted", "admitted", "admitted", "refused"]);
  });

  it("locks out, and says so", async () => {
    const env = policies({ lockout: "1h after 1 in 1m" });
    const { verdicts, replayer } = await replay(env, [{}, {}, { timeMs: START_MS + 120_000 }]);
    expect(verdicts).toEqual(["admitted", "refused", "refused"]);
    expect(replayer.tallies.policies[0]?.lockedOut).toBe(2);
  });

  it("refuses for one policy without charging the others", async () => {
    const env = policies({}, { limit: "2/minute", key: "global" });
    const { verdicts, replayer } = await replay(env, [
      {},
      {},
      {},
      { address: "192.0.2.8" },
      { address: "192.0.2.9" },
    ]);
    expect(verdicts).toEqual(["admitted", "refused", "refused", "admitted", "refused"]);
    expect(replayer.tallies.policies.map(({ requests, refused }) => [requests, refused])).toEqual([
      [5, 2],
      [5, 1],
    ]);
  });

  it("counts what a shadow policy would refuse, and admits it", async () => {
    const { verdicts, replayer } = await replay(policies({ mode: "shadow" }), [{}, {}, {}]);
    expect(verdicts).toEqual(["admitted", "admitted", "admitted"]);
    expect(replayer.tallies.policies[0]).toMatchObject({ requests: 3, refused: 2 });
  });

  it("counts the rows of a table by themselves", async () => {
    const limit = { by: "country", DE: "1/minute", "*": "2/minute" };
    const { replayer } = await replay(policies({ key: "ip + country", limit }), [
      ...twice({ values: new Map([["country", "DE"]]) }),
      ...twice({}),
    ]);
    const rows = replayer.tallies.quotas.map(({ row, requests, refused }) => [row, requests, refused]);
    expect(rows).toEqual([
      ["de", 2, 1],
      ["*", 2, 0],
    ]);
  });

  it("keeps no more keys than it may, and says when that mattered", async () => {
    const entries = Array.from({ length: 500 }, (_, i) => ({ address: `198.51.${i >> 8}.${i & 255}` }));
    const { replayer, config } = await replay(policies({}), entries, 100);
    expect(replayer.dropped).toBeGreaterThan(0);
    expect(notesOn(config, replayer, new Set(), 100).join()).toContain("--max-keys");
    const roomy = await replay(policies({}), entries, 1_000);
    expect(notesOn(config, roomy.replayer, new Set(), 1_000)).toEqual([]);
  });

  it("says what the log cannot tell", async () => {
    const env = {
      JWT_SECRET: "s",
      ...policies(
        { key: "header:x-user | user" },
        { key: "body:/a" },
        { limit: "5 concurrent" },
        { on: "message" },
      ),
    };
    const { replayer, config } = await replay(env, [{ address: "unknown" }]);
    const notes = notesOn(config, replayer, new Set(["jwt:sub"]), 100);
    expect(notes.map((note) => note.replace(/[,:].*/, ""))).toEqual([
      "policy-0 reads header",
      "policy-1 reads body",
      "policy-2 limits what is under way at the same time",
      "policy-3 is about messages",
      "1 requests have no address that can be read",
    ]);
  });
});

describe("a key", () => {
  it.each<[string, Partial<Entry>, string]>([
    ["ip", {}, "ip 192.0.2.7"],
    ["ip + path", { target: "/A" }, "ip 192.0.2.7 + path /a"],
    ["header:x-user", {}, "no header:x-user"],
    ["header:x-user", { values: new Map([["header:x-user", "4:a+b"]]) }, "header:x-user 4:a+b"],
  ])("of %s is shown as it is", async (key, entry, shown) => {
    const { replayer } = await replay(policies({ key }), twice(entry));
    const [top] = replayer.tallies.policies[0]?.refusedKeys.top(1) ?? [];
    expect(readableKey(top?.key ?? "")).toBe(shown);
  });

  it("that is very long is shortened, and still its own", async () => {
    const long = (end: string) => ({ values: new Map([["header:x-user", "a".repeat(5_000) + end]]) });
    const { verdicts } = await replay(policies({ key: "header:x-user" }), [long("1"), long("2"), long("1")]);
    expect(verdicts).toEqual(["admitted", "admitted", "refused"]);
  });
});
