import { createHmac } from "node:crypto";
import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { newAddress, useGateway } from "../support/gateway.ts";
import { LONG_TIMEOUT } from "../support/ladder.ts";
import { ADMIN_TOKEN } from "../support/workerd.ts";

const KEY_SECRET = "a secret of the tests";
const POLICIES = [
  { name: "user", match: "/user", key: "header:x-user", limit: "3/minute, 10/hour" },
  { name: "ip", match: "/ip", limit: "2/minute", lockout: "15m after 2 in 1m" },
  { name: "bucket", match: "/bucket", key: "header:x-user", limit: "2/minute", algorithm: "token-bucket" },
  { name: "fixed", match: "/fixed", key: "header:x-user", limit: "2/hour", algorithm: "fixed-window" },
  { name: "tool", match: "/mcp", key: "mcp:tool", limit: "5/minute" },
];

interface KeyState {
  readonly key: string;
  readonly states: readonly { readonly remaining: number; readonly limit: number }[];
  readonly locked_out_seconds: number;
}

describe("an operator", () => {
  const gateway = useGateway({
    STORE_TIMEOUT: LONG_TIMEOUT,
    KEY_SECRET,
    DENY: ["203.0.113.0/24"],
    POLICIES,
  });

  async function operate(method: string, path: string, body?: unknown): Promise<Response> {
    return gateway.send(`/_weir/${path}`, {
      method,
      headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, "Content-Type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }

  async function keyState(method: string, path: string, body: unknown): Promise<KeyState> {
    const answer = await operate(method, path, body);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json"]);
    return (await answer.json()) as KeyState;
  }

  const remaining = ({ states }: KeyState) => states.map((state) => state.remaining);
  const limits = ({ states }: KeyState) => states.map((state) => state.limit);
  const statuses = async (n: number, path: string, init: Parameters<typeof gateway.send>[1]) => {
    const answers = [];
    for (let i = 0; i < n; i++) answers.push((await gateway.send(path, init)).status);
    return answers;
  };

  it("sees what requests have left of a key, and takes nothing of it", async () => {
    const key = { "header:x-user": "ann-who-is-seen" };
    const headers = { "X-User": "ann-who-is-seen" };
    await statuses(2, "/user", { headers });
    for (let i = 0; i < 3; i++)
      expect(remaining(await keyState("POST", "peek", { policy: "user", key }))).toEqual([1, 8]);
    expect(await statuses(2, "/user", { headers })).toEqual([200, 429]);
  });

  it("knows keys by the digests that are stored", async () => {
    const { key } = await keyState("POST", "peek", { policy: "user", key: { "header:x-user": "ann" } });
    const text = "=13:header:x-user3:ann";
    const expected = createHmac("sha256", KEY_SECRET).update(text).digest().subarray(0, 16);
    expect(key).toBe(expected.toString("base64url"));
    await statuses(1, "/user", { headers: { "X-User": "ann" } });
    if (gateway.redis) {
      const entries = await gateway.redis.entries();
      expect(entries.map((entry) => entry.key)).toContain(`weir:${key}`);
    }
    expect(remaining(await keyState("POST", "peek", { policy: "user", digest: key }))).toEqual([2, 9]);
  });

  it("finds a caller by everything that is known of it", async () => {
    const from = newAddress();
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "Sum-Up" } });
    const json = { "Content-Type": "application/json", "X-User": "bea-who-is-found" };
    await gateway.send("/mcp", { method: "POST", from, headers: json, body });
    await statuses(1, "/bucket", { headers: json });
    const parts = { "header:x-user": "bea-who-is-found", ip: `::ffff:${from}`, "mcp:tool": "SUM-UP" };
    const answer = await operate("POST", "lookup", { key: parts });
    const { keys } = (await answer.json()) as { keys: (KeyState & { policy: string })[] };
    expect(keys.map((one) => [one.policy, ...remaining(one)])).toEqual([
      ["user", 3, 10],
      ["ip", 2],
      ["bucket", 1],
      ["fixed", 2],
      ["tool", 4],
    ]);
  });

  it.each(["user", "bucket", "fixed"])("resets what a key has used: of %s", async (policy) => {
    const headers = { "X-User": `cid-${policy}` };
    const target = { policy, key: { "header:x-user": `cid-${policy}` } };
    const [limit = 0] = limits(await keyState("POST", "peek", target));
    await statuses(limit, `/${policy}`, { headers });
    expect(remaining(await keyState("POST", "peek", target))[0]).toBe(0);
    const state = await keyState("POST", "reset", target);
    expect(remaining(state)).toEqual(limits(state));
    expect(await statuses(limit + 1, `/${policy}`, { headers })).toEqual([...Array(limit).fill(200), 429]);
  });

  it("ends a lockout", async () => {
    const from = newAddress();
    const target = { policy: "ip", key: { ip: from } };
    expect(await statuses(4, "/ip", { from })).toEqual([200, 200, 429, 429]);
    expect((await keyState("POST", "peek", target)).locked_out_seconds).toBeGreaterThan(890);
    expect((await keyState("POST", "reset", target)).locked_out_seconds).toBe(0);
    await expect
      .poll(async () => (await statuses(1, "/ip", { from }))[0], { timeout: 3_000, interval: 200 })
      .toBe(200);
  });

  it.each(["user", "bucket", "fixed"])("blocks a key at once: of %s", async (policy) => {
    const headers = { "X-User": `dan-${policy}` };
    const target = { policy, key: { "header:x-user": `dan-${policy}` } };
    expect(await statuses(1, `/${policy}`, { headers })).toEqual([200]);
    expect(new Set(limits(await keyState("PUT", "overrides", { ...target, limit: 0 })))).toEqual(
      new Set([0]),
    );
    const blocked = await gateway.send(`/${policy}`, { headers });
    expect([blocked.status, Number(blocked.headers.get("retry-after")) > 3_500]).toEqual([429, true]);
    const lifted = await keyState("DELETE", "overrides", target);
    expect(Math.min(...remaining(lifted))).toBe(1 + Number(policy === "user"));
  });

  it("lifts a block", async () => {
    const target = { policy: "user", key: { "header:x-user": "dan-lifted" } };
    await keyState("PUT", "overrides", { ...target, limit: 0 });
    await keyState("DELETE", "overrides", target);
    expect(await statuses(1, "/user", { headers: { "X-User": "dan-lifted" } })).toEqual([200]);
  });

  it("blocks a key until a time, by the store's clock", async () => {
    const headers = { "X-User": "dan-for-now" };
    const until = new Date(Date.now() + 2_000).toISOString();
    await keyState("PUT", "overrides", {
      policy: "user",
      key: { "header:x-user": "dan-for-now" },
      limit: 0,
      until,
    });
    expect(await statuses(1, "/user", { headers })).toEqual([429]);
    await expect
      .poll(async () => (await statuses(1, "/user", { headers }))[0], { timeout: 4_000, interval: 200 })
      .toBe(200);
  });

  it("raises a limit, which requests are told", async () => {
    const headers = { "X-User": "eve-who-may-more" };
    const target = { policy: "user", key: { "header:x-user": "eve-who-may-more" } };
    await keyState("PUT", "overrides", { ...target, limit: "5/minute" });
    const answer = await gateway.send("/user", { headers });
    expect(answer.headers.get("ratelimit")).toContain('"user-minute";r=4;');
    expect(answer.headers.get("ratelimit-policy")).toContain('"user-minute";q=5;w=60');
    expect(await statuses(5, "/user", { headers })).toEqual([200, 200, 200, 200, 429]);
  });

  it("is told what is configured, and what happened", async () => {
    const policies = (await (await operate("GET", "policies")).json()) as {
      policies: unknown[];
      store: string;
    };
    expect(policies.policies).toHaveLength(POLICIES.length);
    const snapshot = (await (await operate("GET", "snapshot")).json()) as { store: { kind: string } };
    expect(snapshot.store.kind).toBe(policies.store);
    const metrics = await operate("GET", "metrics");
    expect(await metrics.text()).toContain("rate_limit_requests_total");
    const openapi = (await (await operate("GET", "openapi.json")).json()) as { openapi: string };
    expect(openapi.openapi).toBe("3.1.0");
  });

  it("finds the page at the folder, under a strict policy", async () => {
    const redirect = await gateway.send("/_weir");
    expect([redirect.status, redirect.headers.get("location")]).toEqual([302, "/_weir/"]);
    for (const path of ["", "dashboard.js", "dashboard.css"]) {
      const answer = await gateway.send(`/_weir/${path}`);
      expect([answer.status, answer.headers.get("content-security-policy")]).toEqual([
        200,
        expect.stringMatching(/^default-src 'none'; script-src 'self'/),
      ]);
      expect((await answer.text()).length).toBeGreaterThan(0);
    }
  });

  it("is not guessed: after five wrong tokens even the right one waits", async () => {
    const from = newAddress();
    const tried = (token: string) =>
      gateway.send("/_weir/policies", { from, headers: { Authorization: `Bearer ${token}` } });
    expect((await tried(ADMIN_TOKEN)).status).toBe(200);
    for (let i = 0; i < 5; i++) expect((await tried("wrong")).status).toBe(401);
    for (const token of ["wrong", ADMIN_TOKEN]) {
      const refused = await tried(token);
      expect(refused.status).toBe(429);
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(50);
    }
    expect((await operate("GET", "policies")).status).toBe(200);
  });

  it("comes from no denied network", async () => {
    const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
    expect((await gateway.send("/_weir/policies", { from: "203.0.113.1", headers })).status).toBe(403);
  });

  it("is a metric where it changed something", async () => {
    const count = async () => (await gateway.weir.readMetrics()).counts["admin_changes ip reset"] ?? 0;
    const before = await count();
    await operate("POST", "reset", { policy: "ip", key: { ip: "192.0.2.77" } });
    await operate("POST", "peek", { policy: "ip", key: { ip: "192.0.2.77" } });
    expect(await count()).toBe(before + 1);
  });

  it("leaves no value in the log", async () => {
    await operate("POST", "peek", { policy: "user", key: { "header:x-user": ["fay-in-a-list"] } });
    await operate("POST", "peek", { policy: "fay-as-a-policy", key: "fay-as-a-key" });
    const output = gateway.weir.output();
    expect(output).toContain('"event":"admin"');
    expect(output).not.toMatch(/ann-who|bea-who|cid-|dan-|eve-who|fay-|Sum-Up/i);
  });
});

/** Each with a key of one part, and what an operator writes for the request below. */
const PARTS: Readonly<Record<string, unknown>> = {
  ip: "::ffff:198.51.100.77",
  "header:x-user": " Ann ",
  "header:authorization": null,
  "cookie:session": "a b",
  "query:tenant": "T & U",
  "param:id": "SEVEN",
  host: "127.0.0.1:8443",
  path: "/Parts/Seven/",
  method: "post",
  user: "ann",
  "jwt:org.id": 42,
  "mcp:tool": "SUM-UP",
  "mcp:method": "tools/call",
  "body:/params/name": "Sum-Up",
  global: "",
};

describe("an operator's key", () => {
  const JWT_SECRET = "a secret that signs the tokens of tests";
  const policies = Object.keys(PARTS).map((key, i) => {
    return { name: `part-${i}`, match: "/parts/:id", key, limit: "9/minute" };
  });
  const gateway = useGateway({ STORE_TIMEOUT: LONG_TIMEOUT, KEY_SECRET, JWT_SECRET, POLICIES: policies });

  it("is that of a real request, for each part", async () => {
    const jwt = new SignJWT({ sub: "ann", org: { id: 42 } }).setProtectedHeader({ alg: "HS256" });
    const token = await jwt.sign(new TextEncoder().encode(JWT_SECRET));
    const sent = await gateway.send("/parts/Seven?tenant=T+%26+U", {
      method: "POST",
      from: "198.51.100.77",
      headers: {
        "X-User": "Ann",
        Authorization: `bearer  ${token}`,
        Cookie: "x=1; session=a%20b",
        "Content-Type": "application/json",
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "Sum-Up" } }),
    });
    expect(sent.status).toBe(200);
    const remaining = await Promise.all(
      policies.map(async ({ name, key }) => {
        const answer = await gateway.send("/_weir/peek", {
          method: "POST",
          headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, "Content-Type": "application/json" },
          body: JSON.stringify({ policy: name, key: { [key]: PARTS[key] ?? `Bearer ${token}` } }),
        });
        const { states } = (await answer.json()) as KeyState;
        return [key, states[0]?.remaining];
      }),
    );
    expect(remaining).toEqual(policies.map(({ key }) => [key, 8]));
  });
});

describe("a caller", () => {
  const gateway = useGateway({ STORE_TIMEOUT: LONG_TIMEOUT, ADMIN_TOKEN: "", POLICIES });

  it("is told how it stands, without a token, and nothing is taken", async () => {
    const from = newAddress();
    const headers = { "X-User": "gil" };
    await gateway.send("/user", { from, headers });
    for (let i = 0; i < 3; i++) {
      const answer = await gateway.send("/_weir/limits?path=/user", { from, headers });
      expect(await answer.json()).toEqual({
        states: [
          { name: "user-minute", limit: 3, remaining: 2, reset_seconds: 60, window_seconds: 60 },
          { name: "user-hour", limit: 10, remaining: 9, reset_seconds: 3_600, window_seconds: 3_600 },
        ],
      });
    }
  });

  it("is told nothing else", async () => {
    for (const path of ["", "policies", "metrics", "snapshot", "openapi.json"])
      expect((await gateway.send(`/_weir/${path}`)).status).toBe(404);
    expect((await gateway.send("/_weir/health")).status).toBe(200);
  });
});
