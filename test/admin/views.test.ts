import { describe, expect, it } from "vitest";
import { snapshotView } from "../../src/admin/snapshot-view.ts";
import { snapshotOf } from "../../src/metrics/snapshot.ts";
import { START_MS, weirWith } from "./fixtures.ts";

const POLICIES = [
  {
    name: "user",
    match: ["POST /chat", "GET,PUT b.example/items/*"],
    key: "header:X-User-Id | ip | none + host",
    limit: "5/minute, 3 concurrent",
    lockout: "15m after 5 in 90s",
  },
  {
    name: "plan",
    key: "user",
    limit: { by: "jwt:plan", Free: "60/minute", team: "unlimited", "*": "10/hour" },
    mode: "shadow",
    on_store_error: "closed",
    lease: true,
  },
  { name: "bucket", limit: "5/10s", algorithm: "token-bucket", burst: 9, mode: "off" },
  { name: "sockets", on: "connection", limit: "2 concurrent" },
];

describe("the policies", () => {
  it("are shown as they are configured", async () => {
    const { operate } = weirWith({ POLICIES, JWT_SECRET: "a secret that must not be shown anywhere" });
    const text = await (await operate("GET", "policies")).text();
    expect(text).not.toContain("secret");
    expect(JSON.parse(text)).toEqual({
      mode: "enforce",
      store: "local",
      fingerprint: expect.stringMatching(/^[0-9a-f]{8}$/),
      policies: [
        {
          name: "user",
          mode: "enforce",
          algorithm: "sliding-window",
          on: "request",
          match: ["POST /chat", "GET,PUT b.example/items/*"],
          key: "header:x-user-id | ip | none + host",
          parts: ["header:x-user-id", "ip", "host"],
          limits: [
            { name: "user-minute", limit: 5, window_seconds: 60 },
            { name: "user-concurrent", limit: 3 },
          ],
          on_store_error: "local",
          lockout: "15m after 5 in 90s",
        },
        {
          name: "plan",
          mode: "shadow",
          algorithm: "sliding-window",
          on: "request",
          match: ["/*"],
          key: "jwt:sub",
          parts: ["jwt:sub", "jwt:plan"],
          table: {
            by: "jwt:plan",
            rows: {
              free: [{ name: "plan", limit: 60, window_seconds: 60 }],
              team: [],
              "*": [{ name: "plan", limit: 10, window_seconds: 3_600 }],
            },
          },
          on_store_error: "closed",
          lease: true,
        },
        {
          name: "bucket",
          mode: "off",
          algorithm: "token-bucket",
          on: "request",
          match: ["/*"],
          key: "ip",
          parts: ["ip"],
          limits: [{ name: "bucket", limit: 5, window_seconds: 10, burst: 9 }],
          on_store_error: "local",
        },
        {
          name: "sockets",
          mode: "enforce",
          on: "connection",
          match: ["/*"],
          key: "ip",
          parts: ["ip"],
          limits: [{ name: "sockets", limit: 2 }],
          on_store_error: "closed",
        },
      ],
    });
  });

  it("are off together only when all of them are", async () => {
    const modes = async (...modes: string[]) => {
      const policies = modes.map((mode, i) => ({ name: `p${i}`, limit: "1/minute", mode }));
      const answer = await weirWith({ POLICIES: policies }).operate("GET", "policies");
      return ((await answer.json()) as { mode: string }).mode;
    };
    expect([await modes("off", "shadow"), await modes("off")]).toEqual(["shadow", "off"]);
  });
});

describe("what happened", () => {
  it("is shown by minute and by policy, with what has not been sent yet", async () => {
    const { operate, send } = weirWith({
      POLICIES: [
        { name: "two", match: "/two", limit: "2/minute" },
        // A name that every object knows.
        { name: "constructor", match: "/idle", limit: "2/minute" },
      ],
      DENY: ["203.0.113.0/24"],
    });
    for (let i = 0; i < 3; i++) await send("/two");
    await send("/free");
    await send("/two", { from: "203.0.113.1" });
    const none = { refused: 0, shadow_refused: 0, degraded: 0, near_limit: 0, lockouts: 0 };
    expect(await (await operate("GET", "snapshot")).json()).toEqual({
      at: new Date(START_MS).toISOString().replace(".000", ""),
      connections: 0,
      minutes: [
        {
          at: "2026-11-22T10:00:00Z",
          allowed: 2,
          refused: 1,
          degraded: 0,
          unavailable: 0,
          unlimited: 1,
          denied: 1,
        },
      ],
      policies: [
        {
          name: "two",
          last_hour: { ...none, allowed: 2, refused: 1, near_limit: 1 },
          per_minute: 0.6,
          top_refused: [{ key: expect.stringMatching(/^[\w-]{22}$/), refusals: 1, error: 0 }],
        },
        { name: "constructor", last_hour: { ...none, allowed: 0 }, per_minute: 0, top_refused: [] },
      ],
      store: {
        kind: "local",
        calls: 0,
        errors: 0,
        p50_ms: null,
        p95_ms: null,
        p99_ms: null,
        open_breakers: 0,
        without_call: 0,
      },
    });
  });

  it("leaves out minutes without a request, and counts only the last five as now", () => {
    const minute = (ago: number, counts: Readonly<Record<string, number>>) => {
      return { at: START_MS - ago * 60_000, counts };
    };
    const lastHour = [
      minute(6, { "requests two allowed": 7, "answers allowed": 7, "edge_decisions lease": 3 }),
      minute(4, { "requests two refused": 4, "answers refused": 4, "edge_decisions refusal": 2 }),
      minute(3, { "requests two shadow_refused": 1, "answers allowed": 1, "edge_decisions lease": 1 }),
      minute(1, { "store_ms 5": 9 }),
    ];
    const view = snapshotView({ ...snapshotOf([], START_MS), lastHour }, ["two"], "upstash");
    expect(view.minutes.map(({ at }) => at)).toEqual([
      "2026-11-22T09:54:00Z",
      "2026-11-22T09:56:00Z",
      "2026-11-22T09:57:00Z",
    ]);
    expect(view.policies).toMatchObject([{ last_hour: { allowed: 7, refused: 4 }, per_minute: 1 }]);
    expect(view.store).toMatchObject({ kind: "upstash", without_call: 3 });
  });

  it("is shown to Prometheus", async () => {
    const { operate, send } = weirWith({ POLICIES: [{ name: "two", limit: "2/minute" }] });
    await send("/");
    const answer = await operate("GET", "metrics");
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await answer.text()).toContain('\nrate_limit_requests_total{policy="two",decision="allowed"} 1\n');
  });

  it.each(["metrics", "snapshot"])("needs the binding of metrics: %s", async (path) => {
    const answer = await weirWith({ METRICS: undefined }).operate("GET", path);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ detail: expect.stringContaining("METRICS") });
  });

  it.each(["metrics", "snapshot"])("is not made up when an object does not answer: %s", async (path) => {
    const METRICS = {
      getByName: () => ({ add: async () => ({}), read: () => Promise.reject(new Error("x")) }),
    };
    const answer = await weirWith({ METRICS }).operate("GET", path);
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
  });
});
