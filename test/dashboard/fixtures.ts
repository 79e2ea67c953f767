import type { Configuration, Minute, Policy, PolicyTraffic, Snapshot } from "../../dashboard/api/answers.ts";

const MINUTE_MS = 60_000;

const CHAT_USER: Policy = {
  name: "chat-user",
  mode: "enforce",
  algorithm: "sliding-window",
  on: "request",
  match: ["POST /chat/message"],
  key: "header:x-user-id | ip",
  parts: ["header:x-user-id", "ip"],
  limits: [
    { name: "chat-user-minute", limit: 5, window_seconds: 60 },
    { name: "chat-user-hour", limit: 60, window_seconds: 3_600 },
  ],
};
const CHAT_IP: Policy = {
  ...CHAT_USER,
  name: "chat-ip",
  key: "ip",
  parts: ["ip"],
  limits: [{ name: "chat-ip", limit: 30, window_seconds: 60 }],
};
const API: Policy = {
  ...CHAT_IP,
  name: "api",
  mode: "shadow",
  algorithm: "token-bucket",
  match: ["/api/*"],
  limits: [{ name: "api", limit: 1_000, window_seconds: 10 }],
};
const SOCKETS: Policy = {
  ...CHAT_IP,
  name: "connections",
  on: "connection",
  match: ["/chat/socket"],
  limits: [{ name: "connections", limit: 5 }],
};

export const configuration: Configuration = {
  mode: "enforce",
  store: "durable-object",
  fingerprint: "1a2b3c4d",
  policies: [CHAT_USER, CHAT_IP, API, SOCKETS],
};

/** As many policies as a large site may have. */
export const manyPolicies = (n: number): Configuration => ({
  ...configuration,
  policies: Array.from({ length: n }, (_, i) => ({
    ...CHAT_USER,
    name: `policy-${i}`,
    match: [`/service-${i}/*`],
  })),
});

export function trafficOf(name: string, some: Partial<PolicyTraffic["last_hour"]> = {}): PolicyTraffic {
  const none = { allowed: 0, refused: 0, shadow_refused: 0, degraded: 0, near_limit: 0, lockouts: 0 };
  return { name, last_hour: { ...none, ...some }, per_minute: 0, top_refused: [] };
}

export function minute(atMs: number, some: Partial<Minute> = {}): Minute {
  const none = { allowed: 0, refused: 0, degraded: 0, unavailable: 0, unlimited: 0, denied: 0 };
  return { at: new Date(atMs).toISOString(), ...none, ...some };
}

/** An hour in which refusals came up. */
export function snapshot(nowMs = Date.now()): Snapshot {
  const newestMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  const minutes = Array.from({ length: 60 }, (_, i) =>
    minute(newestMs - (59 - i) * MINUTE_MS, {
      allowed: Math.round(200 + 80 * Math.sin(i / 7)),
      refused: i > 40 ? (i - 40) * 3 : 0,
      degraded: i > 20 && i < 24 ? 12 : 0,
    }),
  );
  return {
    at: new Date(nowMs).toISOString(),
    connections: 3,
    minutes,
    policies: [
      {
        ...trafficOf("chat-user", { allowed: 10_812, refused: 570, degraded: 36, near_limit: 404 }),
        per_minute: 231,
        top_refused: [
          { key: "Zk3vP0q8mXw2Lr5sT9uYbA", refusals: 1_290, error: 0 },
          { key: "a1B2c3D4e5F6g7H8i9J0kL", refusals: 112, error: 9 },
        ],
      },
      trafficOf("chat-ip", { allowed: 11_352, near_limit: 12 }),
      { ...trafficOf("api", { allowed: 912, shadow_refused: 3 }), per_minute: 7.4 },
      trafficOf("connections", { allowed: 40, lockouts: 1, refused: 9 }),
    ],
    store: {
      ...{ kind: "durable-object", calls: 5_210, errors: 0, open_breakers: 0, without_call: 640 },
      ...{ p50_ms: 2.13, p95_ms: 7.5, p99_ms: 18 },
    },
  };
}

/** Just deployed: nothing happened yet. */
export const quiet: Snapshot = {
  at: "2026-11-22T10:00:00Z",
  connections: 0,
  minutes: [],
  policies: configuration.policies.map(({ name }) => trafficOf(name)),
  store: {
    ...{ kind: "durable-object", calls: 0, errors: 0, open_breakers: 0, without_call: 0 },
    ...{ p50_ms: null, p95_ms: null, p99_ms: null },
  },
};
