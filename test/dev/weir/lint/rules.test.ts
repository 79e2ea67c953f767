import { describe, expect, it } from "vitest";
import { adviceOn, advised, rulesOn } from "./fixtures.ts";

const ONE = [{ name: "one", limit: "5/minute" }];

describe("policies that nothing reaches", () => {
  it("are those whose requests are all exempt", () => {
    const POLICIES = [{ name: "health", match: "GET /health", limit: "5/minute" }];
    expect(rulesOn({ EXEMPT: ["/health"], POLICIES })).toEqual(["unreachable POLICIES[0].match"]);
    expect(rulesOn({ EXEMPT: ["POST /health"], POLICIES })).toEqual([]);
    expect(rulesOn({ EXEMPT: ["/health/live"], POLICIES })).toEqual([]);
  });

  it("are those that are off", () => {
    expect(advised({ mode: "off" }, {})).toEqual(["unreachable POLICIES[0].mode"]);
    expect(advised({ mode: "shadow" }, { key: "global" })).toEqual([]);
  });

  it("are those about Weir's own paths", () => {
    expect(advised({ match: ["/_weir/limits", "/_weir"] })).toEqual(["unreachable POLICIES[0].match"]);
    expect(advised({ match: ["/_weir/limits", "/_weirdo"] })).toEqual([]);
  });

  it("are those about sockets without GET", () => {
    expect(advised({ on: "connection", match: "POST /ws" })).toEqual(["unreachable POLICIES[0].match"]);
    expect(advised({ on: "connection", match: "GET,POST /ws" })).toEqual([]);
  });

  it("are those that read the body of requests without one", () => {
    expect(advised({ match: "GET /mcp", key: "ip + mcp:tool" })).toEqual(["unreachable POLICIES[0].match"]);
    expect(advised({ match: "GET,POST /mcp", key: "ip + mcp:tool" })).toEqual([]);
  });

  it("are all of them when the whole internet is allowed or denied", () => {
    expect(rulesOn({ ALLOW: ["10.0.0.0/8", "0.0.0.0/0"], POLICIES: ONE })).toEqual(["unreachable ALLOW"]);
    expect(rulesOn({ DENY: ["::/0"], POLICIES: ONE })).toEqual(["unreachable DENY"]);
    expect(rulesOn({ ALLOW: ["10.0.0.0/8"], DENY: ["192.0.2.0/24"], POLICIES: ONE })).toEqual([]);
  });

  it("are named by the variable that they stand in", () => {
    const POLICIES_2 = [
      { name: "two", limit: "6/minute", key: "global" },
      { name: "three", limit: "5/minute", mode: "off" },
    ];
    expect(rulesOn({ POLICIES: ONE, POLICIES_2 })).toEqual(["unreachable POLICIES_2[1].mode"]);
  });
});

describe("a key part behind one that every request has", () => {
  it("is never looked at", () => {
    expect(advised({ key: "ip | header:x-user" }, { key: "ip" })).toContain(
      "unreachable-part POLICIES[0].key",
    );
    expect(advised({ key: "ip | none" })).toEqual(["unreachable-part POLICIES[0].key"]);
  });

  it("is fine in front of it, or beside it", () => {
    expect(advised({ key: "header:x-user | ip" }, { key: "ip", limit: "90/minute" })).toEqual([]);
    expect(advised({ key: "ip + method" })).toEqual([]);
  });
});

describe("a key that callers write themselves", () => {
  it.each(["header:x-user | ip", "cookie:session", "query:key | none", "body:/user", "ip + header:x-user"])(
    "is reported: %s",
    (key) => {
      expect(advised({ match: "POST /a", key })).toEqual(["unverified-key POLICIES[0].key"]);
    },
  );

  it("is fine with a policy by address on the same requests", () => {
    const beside = { match: "/*", key: "ip", limit: "300/minute" };
    expect(advised({ match: "POST /a", key: "header:x-user" }, beside)).toEqual([]);
  });

  it.each([
    ["is on other requests", { match: "/b/*", key: "ip" }],
    ["only watches", { key: "ip", mode: "shadow" }],
    ["can be left by a caller", { key: "ip + header:x-other" }],
    ["is about sockets", { key: "ip", on: "connection", match: "/a" }],
  ])("is reported when the policy beside it %s", (_, beside) => {
    const found = advised({ match: "POST /a", key: "header:x-user" }, { limit: "300/minute", ...beside });
    expect(found).toContain("unverified-key POLICIES[0].key");
  });

  it("is fine when a token vouches for it", () => {
    expect(
      rulesOn({ JWT_SECRET: "s", POLICIES: [{ name: "user", key: "user | ip", limit: "5/minute" }] }),
    ).toEqual([]);
  });
});

describe("a lockout", () => {
  const login = { match: "POST /login", lockout: "15m after 5 in 1m" };
  const byAddress = { key: "ip", limit: "300/minute" };

  it("is reported when a stranger can bring it about", () => {
    expect(advised({ ...login, key: "body:/email" }, byAddress)).toEqual([
      "lockout-of-others POLICIES[0].lockout",
    ]);
    expect(advised({ ...login, match: "POST /login/:user", key: "param:user" }, byAddress)).toEqual([
      "lockout-of-others POLICIES[0].lockout",
    ]);
  });

  it("is fine by address", () => {
    expect(advised({ ...login, key: "ip" })).toEqual([]);
    expect(advised({ ...login, key: "ip + body:/email" }, byAddress)).toEqual([]);
  });
});

describe("a table", () => {
  const rows = { a: "5/minute", "*": "6/minute" };

  it("is reported when it chooses by what is not in the key", () => {
    expect(advised({ match: "POST /mcp", limit: { by: "mcp:tool", ...rows } })).toEqual([
      "table-part-not-in-key POLICIES[0].limit.by",
    ]);
    expect(advised({ match: "POST /mcp", key: "ip + mcp:tool", limit: { by: "mcp:tool", ...rows } })).toEqual(
      [],
    );
  });

  it("is fine by what goes with the caller", () => {
    const limit = { by: "jwt:plan", ...rows };
    expect(rulesOn({ JWT_SECRET: "s", POLICIES: [{ name: "api", key: "user | ip", limit }] })).toEqual([]);
    expect(advised({ key: "ip", limit: { by: "country", ...rows } })).toEqual([]);
  });

  it("is reported when a claim chooses for a key without a token", () => {
    const limit = { by: "jwt:plan", ...rows };
    expect(rulesOn({ JWT_SECRET: "s", POLICIES: [{ name: "api", key: "ip", limit }] })).toEqual([
      "table-part-not-in-key POLICIES[0].limit.by",
    ]);
  });

  it("is reported when callers can choose their row", () => {
    expect(advised({ key: "ip", limit: { by: "header:x-plan", ...rows } })).toEqual([
      "unverified-table POLICIES[0].limit.by",
      "table-part-not-in-key POLICIES[0].limit.by",
    ]);
  });

  it("is reported when it does not say what becomes of the rest", () => {
    const by = "country";
    expect(advised({ limit: { by, a: "5/minute" } })).toEqual(["open-table POLICIES[0].limit"]);
    expect(advised({ limit: { by, a: "5/minute", "*": "unlimited" } })).toEqual([]);
  });
});

describe("a fixed window", () => {
  it("is reported with what it lets through around a boundary", () => {
    const [advice] = adviceOn({ POLICIES: [{ name: "api", algorithm: "fixed-window", limit: "50/hour" }] });
    expect(advice).toMatchObject({ rule: "fixed-window", path: "POLICIES[0].algorithm" });
    expect(advice?.what).toBe(`"50 requests per hour" lets 100 through within a moment around a boundary`);
  });
});

describe("settings", () => {
  const found = (env: Readonly<Record<string, unknown>>) => rulesOn({ POLICIES: ONE, ...env });

  it("are fine as they are by default, with a secret", () => {
    expect(found({})).toEqual([]);
  });

  it("lack KEY_SECRET where counts are stored", () => {
    expect(found({ KEY_SECRET: "" })).toEqual(["no-key-secret KEY_SECRET"]);
  });

  it("keep everything in one isolate", () => {
    expect(found({ STORE: "local", KEY_SECRET: "" })).toEqual(["local-store STORE"]);
  });

  it.each([
    ["MODE", { MODE: "shadow" }, "shadow-everywhere MODE"],
    ["MODE", { MODE: "off" }, "off-everywhere MODE"],
    ["each policy", { POLICIES: [{ ...ONE[0], mode: "shadow" }] }, "shadow-everywhere POLICIES"],
  ])("refuse nothing, by %s", (_, env, rule) => {
    expect(found(env)).toEqual([rule]);
  });

  it.each(["closed", "open"])("do the same to all requests in an outage: %s", (step) => {
    expect(found({ ON_STORE_ERROR: step })).toEqual([`${step}-everywhere ON_STORE_ERROR`]);
    expect(found({ POLICIES: [{ ...ONE[0], on_store_error: step }] })).toEqual([
      `${step}-everywhere POLICIES`,
    ]);
  });

  it("do something else to each policy in an outage", () => {
    const POLICIES = [
      { name: "one", limit: "5/minute", on_store_error: "closed" },
      { name: "two", key: "global", limit: "500/minute" },
    ];
    expect(found({ POLICIES })).toEqual([]);
  });

  it("accept tokens for anybody", () => {
    const JWKS_URL = "https://login.example.com/keys";
    expect(found({ JWKS_URL, JWT_ISSUER: "me" })).toEqual(["token-audience JWT_AUDIENCE"]);
    expect(found({ JWKS_URL, JWT_AUDIENCE: "me" })).toEqual(["token-audience JWT_ISSUER"]);
    expect(found({ JWKS_URL, JWT_ISSUER: "me", JWT_AUDIENCE: "me" })).toEqual([]);
  });

  it("read addresses from what a proxy writes", () => {
    expect(found({ CLIENT_IP: "x-forwarded-for:1" })).toEqual(["client-address CLIENT_IP"]);
    expect(found({ CLIENT_IP: "x-real-ip" })).toEqual(["client-address CLIENT_IP"]);
    expect(found({ CLIENT_IP: "CF-Connecting-IP" })).toEqual([]);
  });
});
