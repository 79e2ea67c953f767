import { describe, expect, it } from "vitest";
import { configOf, envWith, pathsOf, policyOf, problemsOf, quotasOf } from "./fixtures.ts";

describe("a configuration of nothing", () => {
  it("limits every address to 60 a minute with Durable Objects, and enforces it", () => {
    expect(configOf({})).toEqual({
      origin: { kind: "as-is" },
      store: "durable-object",
      namespace: "weir",
      jurisdiction: undefined,
      policies: [
        {
          name: "default",
          match: [{ methods: undefined, host: undefined, path: "/*" }],
          key: [{ parts: [{ kind: "ip" }], orNone: false }],
          limits: {
            kind: "fixed",
            quotas: [
              {
                name: "default",
                count: "default/sliding-window/60000",
                text: "60 requests per minute",
                quota: { algorithm: "sliding-window", limit: 60, windowMs: 60_000, burst: 60 },
              },
            ],
          },
          cost: { kind: "fixed", units: 1 },
          estimate: 1,
          count: undefined,
          lockout: undefined,
          on: "request",
          strikes: 10,
          mode: "enforce",
          durable: false,
          lease: false,
          onError: "local",
        },
      ],
      clientIp: { kind: "header", name: "cf-connecting-ip" },
      ipv6Prefix: 64,
      exempt: [],
      allow: [],
      deny: [],
      headers: new Set(["ratelimit", "x-ratelimit"]),
      retryJitter: false,
      keySecret: undefined,
      tokens: undefined,
      slotRenewMs: 60_000,
      slotExpiryMs: 180_000,
      storeTimeoutMs: 1_000,
      onError: "local",
      upstash: undefined,
    });
  });

  it("is what a configuration of emptied variables is, too", () => {
    const emptied = { ORIGIN: "", STORE: "", POLICIES: "", DENY: "", KEY_SECRET: "", MODE: undefined };
    expect(configOf(emptied)).toEqual(configOf({}));
  });

  it("takes no notice of what is not Weir's", () => {
    const foreign = { COUNTERS: {}, CF_VERSION: "1", API_KEY: "x", constructor: "x", toString: "x" };
    expect(configOf(foreign)).toEqual(configOf({}));
  });
});

const BINDING = { fetch: () => {} };

describe("a variable", () => {
  it.each([
    ["ORIGIN", "https://example.com", { origin: { kind: "url", url: "https://example.com" } }],
    ["ORIGIN", "http://localhost:3000/", { origin: { kind: "url", url: "http://localhost:3000" } }],
    ["ORIGIN", "https://example.com/base/", { origin: { kind: "url", url: "https://example.com/base" } }],
    ["ORIGIN_SERVICE", BINDING, { origin: { kind: "service" } }],
    ["STORE", "durable-object", { store: "durable-object" }],
    ["STORE", "local", { store: "local" }],
    ["NAMESPACE", "staging_2.eu-west", { namespace: "staging_2.eu-west" }],
    ["JURISDICTION", "eu", { jurisdiction: "eu" }],
    ["JURISDICTION", "us", { jurisdiction: "us" }],
    ["MODE", "shadow", { policies: [expect.objectContaining({ mode: "shadow" })] }],
    ["MODE", "off", { policies: [expect.objectContaining({ mode: "off" })] }],
    ["CLIENT_IP", "x-forwarded-for:1", { clientIp: { kind: "forwarded", fromRight: 1 } }],
    ["CLIENT_IP", " X-Forwarded-For : 12 ", { clientIp: { kind: "forwarded", fromRight: 12 } }],
    ["CLIENT_IP", "X-Real-IP", { clientIp: { kind: "header", name: "x-real-ip" } }],
    ["IPV6_PREFIX", 48, { ipv6Prefix: 48 }],
    ["IPV6_PREFIX", "128", { ipv6Prefix: 128 }],
    ["HEADERS", "none", { headers: new Set() }],
    ["HEADERS", "RateLimit", { headers: new Set(["ratelimit"]) }],
    ["HEADERS", "x-ratelimit,ratelimit", { headers: new Set(["x-ratelimit", "ratelimit"]) }],
    ["RETRY_JITTER", "on", { retryJitter: true }],
    ["RETRY_JITTER", "off", { retryJitter: false }],
    ["KEY_SECRET", "sixteen or more.", { keySecret: "sixteen or more." }],
    [
      "ON_STORE_ERROR",
      "local",
      { onError: "local", policies: [expect.objectContaining({ onError: "local" })] },
    ],
    ["ON_STORE_ERROR", "open", { onError: "open", policies: [expect.objectContaining({ onError: "open" })] }],
    [
      "ON_STORE_ERROR",
      "closed",
      { onError: "closed", policies: [expect.objectContaining({ onError: "closed" })] },
    ],
    ["STORE_TIMEOUT", "500ms", { storeTimeoutMs: 500 }],
    ["STORE_TIMEOUT", " 2 S ", { storeTimeoutMs: 2_000 }],
  ])("%s = %j is right", (name, value, expected) => {
    expect(configOf({ [name]: value })).toMatchObject(expected);
  });

  it.each([
    ["ORIGIN", "example.com", /not an http or https URL/],
    ["ORIGIN", "ftp://example.com", /not an http or https URL/],
    ["ORIGIN", "https://user:pass@example.com", /user name or password/],
    ["ORIGIN", "https://example.com/?a=b", /query or fragment/],
    ["ORIGIN", "https://example.com/#a", /query or fragment/],
    ["ORIGIN", 5, /must be text/],
    ["ORIGIN_SERVICE", "https://example.com", /service binding/],
    ["STORE", "reddis", /did you mean "upstash"\?/],
    ["STORE", "redis", /did you mean "upstash"\?/],
    ["STORE", "memory", /did you mean "local"\?/],
    ["STORE", "durable_object", /did you mean "durable-object"\?/],
    ["STORE", "postgres", /"postgres" is not one of "durable-object"/],
    ["NAMESPACE", "a:b", /may only have letters/],
    ["NAMESPACE", "a".repeat(65), /at most 64/],
    ["JURISDICTION", "fedramp", /not one of "eu", "us"/],
    ["MODE", "enforced", /did you mean "enforce"\?/],
    ["MODE", null, /null is not one of/],
    ["CLIENT_IP", "x-forwarded-for", /position from the right/],
    ["CLIENT_IP", "x-forwarded-for:0", /position from the right/],
    ["CLIENT_IP", "x-forwarded-for:-1", /position from the right/],
    ["CLIENT_IP", "x-forwarded-for:", /position from the right/],
    ["CLIENT_IP", "x-real-ip:1", /only x-forwarded-for takes a position/],
    ["CLIENT_IP", "a b", /not a header name/],
    ["IPV6_PREFIX", 0, /between 1 and 128/],
    ["IPV6_PREFIX", 129, /between 1 and 128/],
    ["IPV6_PREFIX", 64.5, /between 1 and 128/],
    ["IPV6_PREFIX", "64.0", /between 1 and 128/],
    ["IPV6_PREFIX", true, /between 1 and 128/],
    ["HEADERS", "ratelimits", /did you mean "ratelimit"\?/],
    ["HEADERS", "ratelimit, none", /not a header family/],
    ["HEADERS", ["ratelimit"], /must be text/],
    ["RETRY_JITTER", "yes", /not one of "on", "off"/],
    ["RETRY_JITTER", true, /not one of "on", "off"/],
    ["KEY_SECRET", 1_234_567_890_123_456, /must be text/],
    ["KEY_SECRET", ["text"], /must be text/],
    ["ON_STORE_ERROR", "clsoed", /did you mean "closed"\?/],
    ["STORE_TIMEOUT", "1", /not a length of time/],
    ["STORE_TIMEOUT", "0s", /not a length of time/],
    ["STORE_TIMEOUT", 1_000, /must be text/],
    ["STORE_TIMEOUT", "31s", /longer than 30 seconds/],
    ["UPSTASH_REDIS_REST_URL", "redis://example.com", /not an http or https URL/],
    ["UPSTASH_REDIS_REST_TOKEN", 5, /must be text/],
  ])("%s = %j is an error that says what is right", (name, value, message) => {
    expect(problemsOf({ [name]: value })).toEqual([expect.stringMatching(message)]);
    expect(pathsOf({ [name]: value })).toEqual([name]);
  });

  it("ORIGIN_SERVICE wins over ORIGIN", () => {
    const env = { ORIGIN: "https://example.com", ORIGIN_SERVICE: BINDING };
    expect(configOf(env).origin).toEqual({ kind: "service" });
  });
});

describe("the store upstash", () => {
  const URL_AND_TOKEN = {
    UPSTASH_REDIS_REST_URL: "https://eu1.upstash.io/",
    UPSTASH_REDIS_REST_TOKEN: "token",
  };

  it("needs a URL and a token", () => {
    const { upstash } = configOf({ STORE: "upstash", ...URL_AND_TOKEN });
    expect(upstash).toEqual({ url: "https://eu1.upstash.io", token: "token" });
  });

  it("without both has two problems", () => {
    expect(pathsOf({ STORE: "upstash" })).toEqual(Object.keys(URL_AND_TOKEN));
  });

  it.each(Object.keys(URL_AND_TOKEN))("without %s has one", (name) => {
    expect(pathsOf({ STORE: "upstash", ...URL_AND_TOKEN, [name]: "" })).toEqual([name]);
  });

  it("is not used only because it is there", () => {
    expect(configOf(URL_AND_TOKEN)).toMatchObject({ store: "durable-object", upstash: undefined });
  });
});

describe("what tokens are verified with", () => {
  it("is a secret", () => {
    expect(configOf({ JWT_SECRET: "s", JWT_ISSUER: "i", JWT_AUDIENCE: "a" }).tokens).toEqual({
      keys: { kind: "secret", secret: "s" },
      issuer: "i",
      audience: "a",
    });
  });

  it("is a set of keys at a URL, query and all", () => {
    expect(configOf({ JWKS_URL: "https://example.com/keys/?p=1" }).tokens).toEqual({
      keys: { kind: "key-set", url: "https://example.com/keys/?p=1" },
      issuer: undefined,
      audience: undefined,
    });
  });

  it("is nothing without either, and then what tokens must say is of no use", () => {
    expect(configOf({}).tokens).toBeUndefined();
    expect(pathsOf({ JWT_ISSUER: "i", JWT_AUDIENCE: "a" })).toEqual(["JWT_ISSUER", "JWT_AUDIENCE"]);
  });

  it.each([
    [
      { JWT_SECRET: "s", JWKS_URL: "https://example.com/keys" },
      /^JWKS_URL: cannot be set together with JWT_SECRET/,
    ],
    [{ JWKS_URL: "example.com/keys" }, /^JWKS_URL: is not an http or https URL/],
    [{ JWKS_URL: 5 }, /^JWKS_URL: must be text/],
    [{ JWT_SECRET: 5 }, /^JWT_SECRET: must be text/],
    [{ JWT_SECRET: "s", JWT_ISSUER: 5 }, /^JWT_ISSUER: must be text/],
    [{ JWT_SECRET: "s", JWT_AUDIENCE: ["a"] }, /^JWT_AUDIENCE: must be text/],
  ])("%j is an error", (env, problem) => {
    expect(problemsOf(env)).toEqual([expect.stringMatching(problem)]);
  });
});

describe("the times of slots", () => {
  it("are read", () => {
    expect(configOf({ SLOT_RENEW: "5s", SLOT_EXPIRY: "1 minute" })).toMatchObject({
      slotRenewMs: 5_000,
      slotExpiryMs: 60_000,
    });
  });

  it("are how long a concurrency quota counts what nobody renews", () => {
    const policy = policyOf({ ...envWith({ limit: "5 concurrent" }), SLOT_EXPIRY: "10m" });
    expect(quotasOf(policy)[0]).toMatchObject({ count: "chat/concurrency", quota: { windowMs: 600_000 } });
  });

  it.each([
    [{ SLOT_RENEW: "100s" }, /^SLOT_EXPIRY: must be at least three times SLOT_RENEW/],
    [{ SLOT_EXPIRY: "179s" }, /^SLOT_EXPIRY: must be at least three times SLOT_RENEW/],
    [{ SLOT_EXPIRY: "2 days" }, /^SLOT_EXPIRY: .*longer than a day/],
    [{ SLOT_RENEW: "soon" }, /^SLOT_RENEW: .*not a length of time/],
  ])("%j is an error", (env, problem) => {
    expect(problemsOf(env)).toEqual([expect.stringMatching(problem)]);
  });
});

describe("ADMIN_TOKEN", () => {
  it("is kept as it is, and there is none by default", () => {
    expect(configOf({ ADMIN_TOKEN: "a".repeat(32) }).adminToken).toBe("a".repeat(32));
    expect(configOf({}).adminToken).toBeUndefined();
  });

  it.each(["a".repeat(31), `${"a".repeat(16)} ${"a".repeat(16)}`, "ä".repeat(32), 32])(
    "is not %j",
    (value) => {
      expect(problemsOf({ ADMIN_TOKEN: value })).toEqual([
        "ADMIN_TOKEN: must be at least 32 characters without white space; `openssl rand -hex 32` makes one",
      ]);
    },
  );
});

describe("a variable that looks like one of Weir's", () => {
  it.each([
    ["POLICES", "POLICIES"],
    ["POLICIES_1", "POLICIES_2"],
    ["DENY_02", "POLICIES_2"],
    ["LIMITS_CHAT", "LIMIT_<NAME>"],
    ["limit_chat", "LIMIT_<NAME>"],
    ["ADMINTOKEN", "ADMIN_TOKEN"],
    ["admin_token", "ADMIN_TOKEN"],
    ["KEYSECRET", "KEY_SECRET"],
    ["EXEMPTS", "EXEMPT"],
    ["MODE_2", "MODE"],
    ["UPSTASH_REDIS_URL", "UPSTASH_REDIS_REST_URL"],
  ])("%s is reported with the hint %s", (name, meant) => {
    expect(problemsOf({ [name]: "x" })).toEqual([
      `${name}: is not a variable of Weir; did you mean "${meant}"?`,
    ]);
  });

  it.each(["COUNTERS", "DATABASE_URL", "ENVIRONMENT", "VERSION", "KV", "AI"])("%s does not", (name) => {
    expect(problemsOf({ [name]: "x" })).toEqual([]);
  });
});

describe("a list", () => {
  it.each([
    ["a value", ["192.0.2.7", "10.0.0.0/8"]],
    ["a JSON string", `["192.0.2.7", "10.0.0.0/8"]`],
  ])("may be %s", (_, DENY) => {
    expect(configOf({ DENY }).deny.map(({ address, bits }) => `${address.text}/${bits}`)).toEqual([
      "192.0.2.7/32",
      "10.0.0.0/8",
    ]);
  });

  it("goes on in numbered variables, in the order of their numbers", () => {
    const env = { DENY_10: `["192.0.2.10"]`, DENY_2: ["192.0.2.2"], DENY: ["192.0.2.1"], DENY_3: [] };
    expect(configOf(env).deny.map(({ address }) => address.text)).toEqual([
      "192.0.2.1",
      "192.0.2.2",
      "192.0.2.10",
    ]);
  });

  it("of policies goes on in numbered variables, too", () => {
    const env = {
      POLICIES: [{ name: "one", limit: "5/m" }],
      POLICIES_2: `[{"name": "two", "limit": "6/m"}]`,
    };
    expect(configOf(env).policies.map(({ name }) => name)).toEqual(["one", "two"]);
  });

  it("may consist of a numbered variable alone", () => {
    const env = { POLICIES_2: [{ name: "two", limit: "6/m" }] };
    expect(configOf(env).policies.map(({ name }) => name)).toEqual(["two"]);
  });

  it("of no policies limits nothing", () => {
    expect(configOf({ POLICIES: "[]" }).policies).toEqual([]);
  });

  it.each([
    ["POLICIES", "{", /not valid JSON/],
    ["POLICIES", "{}", /must be a list/],
    ["POLICIES", null, /must be a list/],
    ["POLICIES_2", 5, /must be a list/],
    ["EXEMPT", "GET /health", /not valid JSON.*write it like \["GET \/health"\]/],
    ["ALLOW", "192.0.2.7", /not valid JSON/],
    ["DENY", { 0: "192.0.2.7" }, /must be a list/],
  ])("%s = %j is an error that shows how to write it", (name, value, message) => {
    expect(problemsOf({ [name]: value })).toEqual([expect.stringMatching(message)]);
    expect(problemsOf({ [name]: value })).toEqual([expect.stringContaining("write it like [")]);
  });

  it.each([
    ["DENY", ["192.0.2.7", "nonsense"], "DENY[1]"],
    ["ALLOW", ["1.2.3.4/33"], "ALLOW[0]"],
    ["ALLOW", ["1.2.3"], "ALLOW[0]"],
    ["DENY_2", ["::1/129"], "DENY_2[0]"],
    ["DENY", ["::ffff:0:0/95"], "DENY[0]"],
    ["DENY", [7], "DENY[0]"],
    ["EXEMPT", ["GET /health", "health"], "EXEMPT[1]"],
    ["EXEMPT_3", ["GTE /health"], "EXEMPT_3[0]"],
    ["POLICIES_2", [null], "POLICIES_2[0]"],
  ])("an item that is wrong in %s = %j is reported at %s", (name, value, path) => {
    expect(pathsOf({ [name]: value })).toEqual([path]);
  });

  it("reads IPv4-mapped IPv6 as IPv4", () => {
    const [network] = configOf({ DENY: ["::ffff:10.0.0.0/104"] }).deny;
    expect([network?.address.text, network?.bits]).toEqual(["10.0.0.0", 8]);
  });
});
