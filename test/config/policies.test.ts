import { describe, expect, it } from "vitest";
import { configOf, envWith, pathsOf, policyOf, policyWith, problemsOf, quotasOf } from "./fixtures.ts";

const MINUTE_MS = 60_000;
const statuses = (from: number, to: number) => ({ from, to });

describe("a policy's field", () => {
  it.each([
    ["match", "POST /chat", { match: [{ methods: ["POST"], host: undefined, path: "/chat" }] }],
    [
      "match",
      ["get,PUT /a", "api.Example.com:8080/b/*"],
      {
        match: [
          { methods: ["GET", "PUT"], host: undefined, path: "/a" },
          { methods: undefined, host: "api.example.com:8080", path: "/b/*" },
        ],
      },
    ],
    [
      "match",
      "GET, PUT  example.com/",
      { match: [{ methods: ["GET", "PUT"], host: "example.com", path: "/" }] },
    ],
    ["match", "[::1]/x", { match: [{ methods: undefined, host: "[::1]", path: "/x" }] }],
    ["key", "IP", { key: [{ parts: [{ kind: "ip" }], orNone: false }] }],
    [
      "key",
      "cookie:Sid + header:X-User-Id|ip",
      {
        key: [
          { parts: [{ kind: "cookie", name: "Sid" }], orNone: false },
          { parts: [{ kind: "header", name: "x-user-id" }, { kind: "ip" }], orNone: false },
        ],
      },
    ],
    ["key", "query:a:b | none", { key: [{ parts: [{ kind: "query", name: "a:b" }], orNone: true }] }],
    [
      "algorithm",
      "token-bucket",
      { limits: { quotas: [{ quota: { algorithm: "token-bucket", burst: 5 } }] } },
    ],
    ["algorithm", "fixed-window", { limits: { quotas: [{ quota: { algorithm: "fixed-window" } }] } }],
    ["key", "user", { key: [{ parts: [{ kind: "jwt", name: "sub" }], orNone: false }] }],
    ["key", "jwt:org.id", { key: [{ parts: [{ kind: "jwt", name: "org.id" }], orNone: false }] }],
    ["key", "MCP:Tool", { key: [{ parts: [{ kind: "mcp", name: "tool" }], orNone: false }] }],
    [
      "key",
      "body:/a~1b/0",
      { key: [{ parts: [{ kind: "body", name: "/a~1b/0", pointer: ["a/b", "0"] }], orNone: false }] },
    ],
    ["cost", 3, { cost: { kind: "fixed", units: 3 } }],
    ["cost", " 3 ", { cost: { kind: "fixed", units: 3 } }],
    ["cost", "header:X-Cost", { cost: { kind: "header", name: "x-cost" }, estimate: 1 }],
    ["cost", " Response-Header : X-Cost ", { cost: { kind: "response-header", name: "x-cost" } }],
    [
      "cost",
      "response-json:/usage/total_tokens",
      { cost: { kind: "response-json", pointer: ["usage", "total_tokens"] } },
    ],
    ["count", "401, 403", { count: [401, 403].map((status) => ({ from: status, to: status })) }],
    ["count", " 5XX ,404", { count: [statuses(500, 599), statuses(404, 404)] }],
    ["count", 401, { count: [statuses(401, 401)] }],
    ["count", ["4xx", 500], { count: [statuses(400, 499), statuses(500, 500)] }],
    [
      "lockout",
      "15m after 5 in 1m",
      { lockout: { id: "chat/lockout", refusals: 5, withinMs: MINUTE_MS, durationMs: 15 * MINUTE_MS } },
    ],
    ["lockout", " 1 Hour after 10 in minute ", { lockout: { refusals: 10, durationMs: 60 * MINUTE_MS } }],
    ["mode", "shadow", { mode: "shadow" }],
    ["mode", "off", { mode: "off" }],
    ["durable", true, { durable: true }],
    ["on", "request", { on: "request", onError: "local", strikes: 10 }],
    ["on", "connection", { on: "connection", onError: "closed" }],
    ["on", "message", { on: "message", onError: "open" }],
    [
      "limit",
      "3 concurrent",
      {
        limits: {
          quotas: [
            {
              name: "chat",
              count: "chat/concurrency",
              text: "3 concurrent requests",
              quota: { algorithm: "concurrency", limit: 3, windowMs: 180_000, burst: 3 },
            },
          ],
        },
      },
    ],
    ["count", "all", { count: undefined }],
    ["lease", false, { lease: false }],
    ["lease", true, { lease: true }],
    ["on_store_error", "local", { onError: "local" }],
    ["on_store_error", "open", { onError: "open" }],
    ["on_store_error", "closed", { onError: "closed" }],
  ])("%s = %j is right", (field, value, expected) => {
    expect(policyOf({ ...envWith({ [field]: value }), JWT_SECRET: "secret" })).toMatchObject(expected);
  });

  it.each([
    ["name", "Chat", /a-z, 0-9 and "-"/],
    ["name", "chat_user", /a-z, 0-9 and "-"/],
    ["name", "", /a-z, 0-9 and "-"/],
    ["name", 5, /must be text/],
    ["match", "chat", /has no path/],
    ["match", [], /empty list/],
    ["match", 5, /must be text/],
    ["match", ["/a", null], /must be text/],
    ["match", "POTS /chat", /"POTS" is not a method; did you mean "POST"\?/],
    ["match", "/chat?a=b", /no query or fragment/],
    ["match", "/users/:", /needs a name/],
    ["match", "/users/:id{[}", /not a regular expression/],
    ["match", "/users/:id{[0-9]+", /must pair up/],
    ["match", "user@example.com/x", /not a host name/],
    ["key", "", /empty part/],
    ["key", "ip |", /empty part/],
    ["key", "ip + ", /empty part/],
    ["key", "ipp", /unknown part "ipp"; did you mean "ip"\?/],
    ["key", "headers:x", /did you mean "header"\?/],
    ["key", "header", /needs a name/],
    ["key", "header:", /needs a name/],
    ["key", "header:x y", /not a header name/],
    ["key", "ip:4", /takes no name/],
    ["key", "none", /"none" can only stand last/],
    ["key", "none | ip", /"none" can only stand last/],
    ["key", "param:id", /"param:id" is not in the policy's match/],
    ["key", ["ip"], /must be text/],
    ["limit", 5, /must be text or a table/],
    ["limit", ["5/m"], /must be text or a table/],
    ["limit", null, /must be text or a table/],
    ["limit", "unlimited", /only stand in a table/],
    ["algorithm", "leaky", /"leaky" is not one of "sliding-window"/],
    ["algorithm", "leaky-bucket", /did you mean "token-bucket"\?/],
    ["algorithm", "sliding_window", /did you mean "sliding-window"\?/],
    ["cost", 0, /at least 1/],
    ["cost", -1, /at least 1/],
    ["cost", 1.5, /at least 1/],
    ["cost", null, /at least 1/],
    ["cost", true, /at least 1/],
    ["cost", [3], /at least 1/],
    ["cost", "-1", /at least 1/],
    ["cost", "1.5", /at least 1/],
    ["cost", "headr:x-cost", /is not a cost; .*did you mean "header"\?/],
    ["cost", "x", /is not a cost; write a whole number, "header:NAME"/],
    ["cost", "header:", /needs the name of a header/],
    ["cost", "response-header:a b", /needs the name of a header/],
    ["cost", "response-json:usage", /response-json: /],
    ["cost", "response-json:", /response-json: /],
    ["estimate", 5, /only for a cost that the response tells/],
    ["estimate", 0, /at least 1/],
    ["count", "4x", /"4x" is not "all" or a status/],
    ["count", "401,", /"" is not "all" or a status/],
    ["count", "all, 401", /"all" is not "all" or a status; write it like/],
    ["count", 99, /is not "all" or a status/],
    ["count", "600", /is not "all" or a status/],
    ["count", true, /is not "all" or a status/],
    ["lockout", "15m", /is not a lockout; write it like "15m after 5 in 1m"/],
    ["lockout", "15m after 5", /is not a lockout/],
    ["lockout", "15m after 0 in 1m", /"0" is not a whole number of at least 1/],
    ["lockout", "15m after five in 1m", /"five" is not a whole number/],
    ["lockout", "15x after 5 in 1m", /"15x" has no known unit/],
    ["lockout", "15m after 5 in 1x", /"1x" has no known unit/],
    ["lockout", "99999999999d after 5 in 1m", /too large|finite/],
    ["lockout", 5, /must be text/],
    ["key", "mcp:tol", /is not one of "mcp:tool".*did you mean "tool"\?/],
    ["key", "mcp", /is not one of "mcp:tool", "mcp:prompt", "mcp:method"/],
    ["key", "body:user", /body: /],
    ["key", "body", /body: /],
    ["key", "jwt:", /needs a name/],
    ["key", "user:x", /takes no name/],
    ["key", "mcp:tool + header:x | mcp:prompt", /no message has both a tool and a prompt/],
    ["mode", "enfroce", /did you mean "enforce"\?/],
    ["durable", "yes", /not true or false/],
    ["durable", 1, /not true or false/],
    ["lease", "yes", /not true or false/],
    ["on_store_error", "clsoed", /did you mean "closed"\?/],
    ["on", "conection", /did you mean "connection"\?/],
    ["strikes", 5, /only for on = "message"/],
    ["strikes", 0, /between 1 and 1000000/],
    ["cost", "bytes", /"bytes" is only for on = "message"/],
  ])("%s = %j is an error that says what is right", (field, value, message) => {
    expect(problemsOf(envWith({ [field]: value }))).toEqual([expect.stringMatching(message)]);
    expect(pathsOf(envWith({ [field]: value }))).toEqual([`POLICIES[0].${field}`]);
  });

  it.each([
    ["keyy", "key"],
    ["Limit", "limit"],
    ["onStoreError", "on_store_error"],
    ["algoritm", "algorithm"],
  ])("%s is unknown, and %s is suggested", (field, meant) => {
    expect(problemsOf(envWith({ [field]: "ip" }))).toEqual([
      `POLICIES[0].${field}: unknown field; did you mean "${meant}"?`,
    ]);
  });

  it("that is like no other is unknown without a suggestion", () => {
    expect(problemsOf(envWith({ description: "x" }))).toEqual(["POLICIES[0].description: unknown field"]);
  });

  it.each([
    [{ algorithm: "token-bucket" }, /only for algorithm = "sliding-window", not "token-bucket"; remove it/],
    [{ algorithm: "fixed-window" }, /only for algorithm = "sliding-window", not "fixed-window"/],
    [{ limit: "5 concurrent" }, /not for "concurrent"/],
    [{ limit: { by: "header:x-plan", pro: "5 concurrent", "*": "5/m" } }, /not for "concurrent"/],
    [{ on: "message" }, /not for messages/],
    [{ count: "5xx" }, /not for policies with count/],
    [{ cost: "response-header:x-cost" }, /not for a cost that only the response tells/],
    [{ cost: "response-json:/cost" }, /not for a cost that only the response tells/],
    [{ lockout: "15m after 5 in 1m" }, /not for policies with lockout/],
  ])("lease = true with %j is an error that says why", (fields, message) => {
    expect(problemsOf(envWith({ ...fields, lease: true }))).toEqual([expect.stringMatching(message)]);
    expect(pathsOf(envWith({ ...fields, lease: true }))).toEqual(["POLICIES[0].lease"]);
    expect(problemsOf(envWith({ ...fields, lease: false }))).toEqual([]);
  });

  it.each([
    { durable: true },
    { count: "all" },
    { cost: "header:x-cost" },
    { mode: "shadow" },
    { on: "connection" },
    { limit: "5/s, 5/d" },
  ])("lease = true goes with %j", (fields) => {
    expect(problemsOf(envWith({ ...fields, lease: true }))).toEqual([]);
  });
});

describe("a policy of sockets", () => {
  it.each([
    [{ on: "message", strikes: 3 }, { strikes: 3 }],
    [
      { on: "message", cost: "bytes" },
      { cost: { kind: "bytes" }, limits: { quotas: [{ text: "5 bytes per minute" }] } },
    ],
    [{ on: "message" }, { limits: { quotas: [{ text: "5 messages per minute" }] } }],
    [
      { on: "connection", limit: "1 concurrent" },
      { limits: { quotas: [{ text: "1 concurrent connection" }] } },
    ],
    [{ on: "connection", lockout: "15m after 5 in 1m" }, { lockout: { refusals: 5 } }],
    [{ on: "connection", on_store_error: "open" }, { onError: "open" }],
    [{ on: "message", on_store_error: "local" }, { onError: "local" }],
  ])("%j is right", (fields, expected) => {
    expect(policyOf(envWith(fields))).toMatchObject(expected);
  });

  it.each([
    [{ on: "message", limit: "5 concurrent" }, "limit", /a message is over at once/],
    [{ on: "message", limit: { by: "ip", x: "5 concurrent" } }, "limit", /a message is over at once/],
    [{ on: "message", lockout: "15m after 5 in 1m" }, "lockout", /not for messages; use strikes/],
    [{ on: "message", cost: "header:x" }, "cost", /messages have none/],
    [{ on: "connection", cost: "response-header:x" }, "cost", /only for on = "request"/],
    [{ on: "message", cost: "response-json:/x" }, "cost", /only for on = "request"/],
    [{ on: "connection", count: "401" }, "count", /only for on = "request"/],
    [{ on: "connection", cost: "bytes" }, "cost", /only for on = "message"/],
    [{ on: "connection", strikes: 5 }, "strikes", /only for on = "message"/],
    [{ on: "connection", key: "body:/x" }, "key", /needs a body/],
    [{ on: "message", key: "ip", limit: { by: "mcp:tool", x: "5/m" } }, "limit.by", /needs a body/],
  ])("%j is an error", (fields, field, message) => {
    expect(problemsOf(envWith(fields))).toEqual([expect.stringMatching(message)]);
    expect(pathsOf(envWith(fields))).toEqual([`POLICIES[0].${field}`]);
  });

  it("beside a rate has names of its own", () => {
    const quotas = quotasOf(policyOf(envWith({ limit: "5 concurrent, 60/minute" })));
    expect(quotas.map(({ name }) => name)).toEqual(["chat-concurrent", "chat-minute"]);
  });

  it("is never the strictest row for its concurrency", () => {
    const limit = { by: "header:x", a: "1 concurrent", b: "60/minute" };
    const { limits } = policyOf(envWith({ limit }));
    expect(limits.kind === "table" && limits.strictest.map(({ quota }) => quota.limit)).toEqual([60]);
  });
});

describe("an item that is no policy", () => {
  it("lacks what every policy needs", () => {
    expect(problemsOf({ POLICIES: [{}] })).toEqual([
      "POLICIES[0].name: is required",
      "POLICIES[0].limit: is required",
    ]);
  });

  it.each([null, 5, "chat", true])("%j must be a table", (item) => {
    expect(problemsOf({ POLICIES: [item] })).toEqual([
      expect.stringMatching(/^POLICIES\[0\]: must be a table/),
    ]);
  });
});

describe("what a policy does when the store fails", () => {
  it.each([
    [undefined, undefined, "local"],
    ["closed", undefined, "closed"],
    ["closed", "open", "open"],
    ["open", "closed", "closed"],
  ])("under ON_STORE_ERROR = %s, written as %s, is %s", (ON_STORE_ERROR, step, expected) => {
    const env = { ...envWith(step === undefined ? {} : { on_store_error: step }), ON_STORE_ERROR };
    expect(policyOf(env).onError).toBe(expected);
  });
});

describe("the mode of a policy", () => {
  it.each([
    ["enforce", "enforce", "enforce"],
    ["enforce", "shadow", "shadow"],
    ["enforce", "off", "off"],
    ["shadow", "enforce", "shadow"],
    ["shadow", "off", "off"],
    ["off", "enforce", "off"],
    ["off", "shadow", "off"],
  ])("under MODE = %s, written as %s, is %s", (MODE, mode, expected) => {
    expect(policyOf({ ...envWith({ mode }), MODE }).mode).toBe(expected);
  });
});

describe("burst", () => {
  const tokenBucket = { algorithm: "token-bucket", limit: "60/minute" };

  it("is the capacity of a token bucket", () => {
    const [quota] = quotasOf(policyOf(envWith({ ...tokenBucket, burst: 10 })));
    expect(quota?.quota).toEqual({ algorithm: "token-bucket", limit: 60, windowMs: 60_000, burst: 10 });
  });

  it.each([undefined, "sliding-window", "fixed-window"])("is an error with the algorithm %s", (algorithm) => {
    const env = envWith({ burst: 10, ...(algorithm && { algorithm }) });
    expect(problemsOf(env)).toEqual([expect.stringMatching(/^POLICIES\[0\]\.burst: is only for/)]);
  });

  it("is an error with several quotas", () => {
    const env = envWith({ ...tokenBucket, limit: "60/minute, 100/hour", burst: 10 });
    expect(problemsOf(env)).toEqual([expect.stringMatching(/^POLICIES\[0\]\.burst: .*one quota/)]);
  });

  it("is an error with several quotas in one row of a table", () => {
    const limit = { by: "header:x-plan", free: "60/minute", pro: "60/minute, 100/hour" };
    expect(pathsOf(envWith({ ...tokenBucket, limit, burst: 10 }))).toEqual(["POLICIES[0].burst"]);
  });

  it.each([0, -1, 1.5, "ten", true])("%j is an error", (burst) => {
    expect(pathsOf(envWith({ ...tokenBucket, burst }))).toEqual(["POLICIES[0].burst"]);
  });
});

describe("the largest capacity", () => {
  const DAY_MS = 86_400_000;
  const most = Math.floor(2 ** 52 / DAY_MS);

  it("is a product of count and milliseconds of 2^52", () => {
    expect(pathsOf(envWith({ limit: `${most}/day` }))).toEqual([]);
    expect(pathsOf(envWith({ limit: `${most + 1}/day` }))).toEqual(["POLICIES[0].limit"]);
  });

  it("holds for the burst, too, and the problem is reported there", () => {
    const env = (burst: number) => envWith({ algorithm: "token-bucket", limit: "5/day", burst });
    expect(pathsOf(env(most))).toEqual([]);
    expect(pathsOf(env(most + 1))).toEqual(["POLICIES[0].burst"]);
  });

  it("holds for every row of a table", () => {
    const limit = { by: "header:x-plan", free: "60/minute", pro: `${most + 1}/day` };
    expect(pathsOf(envWith({ limit }))).toEqual(["POLICIES[0].limit"]);
  });
});

describe("the public name of a quota", () => {
  const names = (limit: unknown) => quotasOf(policyOf(envWith({ limit }))).map(({ name }) => name);

  it("is the policy's when there is one quota", () => {
    expect(names("5/minute")).toEqual(["chat"]);
  });

  it("has the window added when there are several", () => {
    expect(names("5/minute, 60/hour, 9/s, 500/day")).toEqual([
      "chat-minute",
      "chat-hour",
      "chat-second",
      "chat-day",
    ]);
    expect(names("5/10s, 6/2m, 7/90s, 8/60m")).toEqual(["chat-10s", "chat-2m", "chat-90s", "chat-hour"]);
  });

  it("may be one in several rows of a table", () => {
    expect(names({ by: "header:x-plan", free: "5/m", pro: "9/m" })).toEqual(["chat", "chat"]);
  });

  it("must not be that of another policy's quota", () => {
    const env = {
      POLICIES: [
        { name: "chat", limit: "5/minute, 60/hour" },
        { name: "chat-minute", limit: "9/s" },
      ],
    };
    expect(problemsOf(env)).toEqual([
      expect.stringMatching(/^POLICIES\[1\]\.limit: .*"chat-minute" is already used by POLICIES\[0\]/),
    ]);
  });

  it("of two policies must not be one, as their names must not", () => {
    const env = { POLICIES: [policyWith({}), policyWith({ limit: "9/s" })] };
    expect(problemsOf(env)).toEqual([`POLICIES[1].name: "chat" is already the name of POLICIES[0]`]);
  });
});

describe("the count of a quota", () => {
  const counts = (fields: Record<string, unknown>) =>
    quotasOf(policyOf(envWith(fields))).map(({ count }) => count);

  it("stays when only the limit changes", () => {
    expect(counts({ limit: "9/minute" })).toEqual(counts({ limit: "5/60s" }));
  });

  it.each([{ name: "other" }, { algorithm: "fixed-window" }, { limit: "5/hour" }])(
    "starts afresh with %j",
    (fields) => {
      expect(counts(fields)).not.toEqual(counts({}));
    },
  );
});

describe("a table of limits", () => {
  const table = (rows: Record<string, unknown>) => envWith({ limit: { by: "header:x-plan", ...rows } });

  it("has its names trimmed and in lower case, and * as the rest", () => {
    const { limits } = policyOf(table({ " Free ": "5/m", PRO: "9/m, 90/h", "*": "1/m" }));
    if (limits.kind !== "table") throw new Error("expected a table");
    expect([...limits.rows.keys()]).toEqual(["free", "pro"]);
    expect(limits.rows.get("pro")?.map(({ quota }) => quota.limit)).toEqual([9, 90]);
    expect(limits.rest.map(({ quota }) => quota.limit)).toEqual([1]);
    expect(limits.by).toEqual({ kind: "header", name: "x-plan" });
  });

  it("is unlimited in the rows that say so, and without * in the rest", () => {
    const { limits } = policyOf(table({ free: "5/m", staff: " Unlimited " }));
    if (limits.kind !== "table") throw new Error("expected a table");
    expect([limits.rows.get("staff"), limits.rest]).toEqual([[], []]);
  });

  it.each([
    [{ Free: "5/m", " free ": "6/m" }, /two rows named "free"/],
    [{ "*": "5/m", " * ": "6/m" }, /two rows named "\*"/],
    [{ free: "5" }, /row "free": "5" has no "\/"/],
    [{ free: 5 }, /row "free" must be text/],
    [{}, /without rows/],
    [{ by: undefined, free: "5/m" }, /without "by"/],
    [{ by: "plan", free: "5/m" }, /by: unknown part "plan"/],
    [{ by: "ip | host", free: "5/m" }, /by: unknown part/],
    [{ by: "mcp:plan", free: "5/m" }, /by: "mcp:plan" is not one of/],
  ])("%j is an error", (rows, message) => {
    expect(problemsOf(table(rows))).toEqual([expect.stringMatching(message)]);
    expect(pathsOf(table(rows))).toEqual(["POLICIES[0].limit"]);
  });

  it("may choose by a parameter of the match, and by no other", () => {
    const env = (by: string) => envWith({ match: "/users/:plan/*", limit: { by, free: "5/m" } });
    expect(problemsOf(env("param:plan"))).toEqual([]);
    expect(problemsOf(env("param:pla"))).toEqual([
      expect.stringMatching(/^POLICIES\[0\]\.limit\.by: .*did you mean "plan"\?/),
    ]);
  });
});

describe("the strictest row of a table", () => {
  const strictest = (rows: Record<string, unknown>) => {
    const { limits } = policyOf(envWith({ limit: { by: "mcp:tool", ...rows } }));
    return limits.kind === "table" ? limits.strictest.map(({ quota }) => quota) : undefined;
  };

  it.each([
    [{ a: "60/minute", b: "10/minute" }, [{ limit: 10, windowMs: MINUTE_MS }]],
    [{ a: "10/minute", "*": "9/minute" }, [{ limit: 9, windowMs: MINUTE_MS }]],
    [{ a: "5/second", b: "60/minute" }, [{ limit: 60, windowMs: MINUTE_MS }]],
    [{ a: "10/second, 100/hour", b: "1/minute" }, [{ limit: 1, windowMs: MINUTE_MS }]],
    [{ a: "60/minute", b: "1/second" }, [{ limit: 60, windowMs: MINUTE_MS }]],
    [{ b: "1/second", a: "60/minute" }, [{ limit: 1, windowMs: 1_000 }]],
    [{ a: "unlimited", b: "60/minute" }, [{ limit: 60, windowMs: MINUTE_MS }]],
    [{ a: "unlimited" }, []],
  ])("of %j has the smallest limit per time, of equal ones it is the first", (rows, expected) => {
    expect(strictest(rows)).toMatchObject(expected);
    expect(strictest(rows)).toHaveLength(expected.length);
  });
});

describe("a part of a token", () => {
  it.each([
    [{ key: "user | ip" }, "key", "user"],
    [{ key: "jwt:org + ip" }, "key", "jwt:org"],
    [{ limit: { by: "jwt:plan", free: "5/m" } }, "limit.by", "jwt:plan"],
  ])("in %j needs something to verify tokens with", (fields, field, part) => {
    const problem = expect.stringMatching(
      new RegExp(`^POLICIES\\[0\\]\\.${field}: "${part}".* needs JWT_SECRET or JWKS_URL`),
    );
    expect(problemsOf(envWith(fields))).toEqual([problem]);
    expect(problemsOf({ ...envWith(fields), JWT_SECRET: "" })).toEqual([problem]);
    expect(problemsOf({ ...envWith(fields), JWT_SECRET: "secret" })).toEqual([]);
    expect(problemsOf({ ...envWith(fields), JWKS_URL: "https://example.com/keys" })).toEqual([]);
  });
});

describe("LIMIT_<NAME>", () => {
  const policies = [
    { name: "chat-user", limit: "5/minute, 60/hour" },
    { name: "chat-ip", limit: "30/minute" },
    { name: "plans", limit: { by: "header:x-plan", free: "5/m" } },
  ];
  const limitsOf = (env: Record<string, unknown>) =>
    configOf({ POLICIES: policies, ...env }).policies.map((policy) =>
      quotasOf(policy).map(({ name, quota }) => `${name} ${quota.limit}/${quota.windowMs / 1_000}s`),
    );

  it("replaces the limit of the policy it names, and no other", () => {
    expect(limitsOf({ LIMIT_CHAT_USER: "10/minute" })).toEqual([
      ["chat-user 10/60s"],
      ["chat-ip 30/60s"],
      ["plans 5/60s"],
    ]);
  });

  it("replaces the limit of the default policy", () => {
    expect(quotasOf(policyOf({ LIMIT_DEFAULT: "7/s" })).map(({ quota }) => quota.limit)).toEqual([7]);
  });

  it.each([
    ["LIMIT_CHAT_USERS", "10/m", /names no policy; did you mean "LIMIT_CHAT_USER"\?/],
    ["LIMIT_OTHER", "10/m", /names no policy$/],
    ["LIMIT_PLANS", "10/m", /policy with a table/],
    ["LIMIT_CHAT_IP", "10", /has no "\/"/],
    ["LIMIT_CHAT_IP", 10, /must be text/],
    ["LIMIT_CHAT_IP", " ", /is empty/],
  ])("%s = %j is an error", (name, value, message) => {
    const env = { POLICIES: policies, [name]: value };
    expect(problemsOf(env)).toEqual([expect.stringMatching(message)]);
    expect(pathsOf(env)).toEqual([name]);
  });
});
