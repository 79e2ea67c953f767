import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nearest } from "../../src/config/nearest.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import { VARIABLES } from "../../src/config/variables-schema.ts";
import { envWith, pathsOf, problemsOf } from "./fixtures.ts";

describe("the problems of a configuration", () => {
  it("come all at once, each with its path: six mistakes are six problems", () => {
    const env = {
      STORE: "reddis",
      POLICES: "[]",
      DENY_2: ["nonsense"],
      LIMIT_NOBODY: "5/m",
      POLICIES: [
        { name: "a", limit: "5/minute", keyy: "ip" },
        { name: "b", limit: "5/fortnight", algorithm: "token-bucket" },
      ],
    };
    expect(pathsOf(env).toSorted()).toEqual([
      "DENY_2[0]",
      "LIMIT_NOBODY",
      "POLICES",
      "POLICIES[0].keyy",
      "POLICIES[1].limit",
      "STORE",
    ]);
  });

  it.each(["abc/m", "0/s", "-1/m", "1.5/m", "60", "10m", "/", "10/fortnight"])(
    "stand at the limit %j and at every other mistake beside it",
    (limit) => {
      const env = {
        STORE: "reddis",
        POLICIES: [
          { name: "a", limit, keyy: "ip" },
          { name: "a", limit: "5/m", algorithm: "leaky" },
        ],
      };
      expect(pathsOf(env).toSorted()).toEqual([
        "POLICIES[0].keyy",
        "POLICIES[0].limit",
        "POLICIES[1].algorithm",
        "POLICIES[1].name",
        "STORE",
      ]);
    },
  );

  it("stand at every field of one policy", () => {
    const env = envWith({
      name: "No",
      match: "x",
      key: "x",
      limit: "x",
      algorithm: "x",
      burst: 0,
      cost: 0,
      estimate: 0,
      count: "x",
      lockout: "x",
      mode: "x",
      durable: "x",
      lease: "x",
    });
    const fields = [
      ...["name", "match", "key", "limit", "algorithm", "burst", "cost", "estimate", "count", "lockout"],
      ...["mode", "durable", "lease"],
    ];
    expect(pathsOf(env).toSorted()).toEqual(fields.map((field) => `POLICIES[0].${field}`).toSorted());
  });

  it("stand at a limit that is too large, also where the policy's name is wrong", () => {
    const env = envWith({ name: "No", limit: "99999999999999/day" });
    expect(pathsOf(env).toSorted()).toEqual(["POLICIES[0].limit", "POLICIES[0].name"]);
  });

  it("stand at the LIMIT_ variable whose limit is too large", () => {
    expect(pathsOf({ LIMIT_DEFAULT: "99999999999999/day" })).toEqual(["LIMIT_DEFAULT"]);
  });

  it("are cut where a value is long", () => {
    const [problem = ""] = problemsOf(envWith({ mode: "x".repeat(5_000) }));
    expect(problem.length).toBeLessThan(250);
  });
});

describe("the nearest known name", () => {
  it.each([
    ["POLICES", "POLICIES"],
    ["key_secret", "KEY_SECRET"],
    ["KEY-SECRET", "KEY_SECRET"],
  ])("of %s is %s", (name, meant) => {
    expect(nearest(name, VARIABLES, 1)).toBe(meant);
  });

  it("is none when every name is too far", () => {
    expect(nearest("WEATHER", VARIABLES, 2)).toBeUndefined();
  });

  it("is the nearest of several", () => {
    expect(nearest("moda", ["modal", "mode", "mod"], 2)).toBe("modal");
    expect(nearest("mode", ["modes", "mode"], 2)).toBe("mode");
  });
});

describe("no secret appears in a problem", () => {
  const anySecret = fc.string({
    unit: fc.constantFrom(..."abcdefghijkLMNOP0123456789"),
    minLength: 8,
    maxLength: 30,
  });
  const secrets = [
    "KEY_SECRET",
    "UPSTASH_REDIS_REST_TOKEN",
    "JWT_SECRET",
    "ADMIN_TOKEN",
    "KEYSECRET",
    "ADMINTOKEN",
  ];

  it.each(secrets)("of %s", (name) => {
    fc.assert(
      fc.property(anySecret, fc.boolean(), (secret, isList) => {
        const value = isList ? [secret] : { secret };
        const problems = problemsOf({ [name]: value }).join("\n");
        expect(problems).not.toBe("");
        expect(problems.includes(secret)).toBe(false);
      }),
    );
  });

  it.each([
    ["https", (secret: string) => `https://user:${secret}@example.com`],
    ["https and a query", (secret: string) => `https://user:${secret}@example.com?x`],
    ["a scheme that is misspelt", (secret: string) => `htps://user:${secret}@example.com`],
    ["no scheme", (secret: string) => `user:${secret}@example.com`],
    ["a port that is none", (secret: string) => `https://user:${secret}@example.com:x`],
  ])("of an ORIGIN with a password and %s", (_, url) => {
    fc.assert(
      fc.property(anySecret, (secret) => {
        const problems = problemsOf({ ORIGIN: url(secret) }).join("\n");
        expect(problems).not.toBe("");
        expect(problems.includes(secret)).toBe(false);
      }),
    );
  });

  it.each(["UPSTASH_REDIS_REST_URL", "ORIGIN"])("of a query of %s, where a token may stand", (name) => {
    fc.assert(
      fc.property(anySecret, (secret) => {
        const problems = problemsOf({ [name]: `https://example.com/?_token=${secret}` }).join("\n");
        expect(problems).not.toBe("");
        expect(problems.includes(secret)).toBe(false);
      }),
    );
  });

  it("of UPSTASH_REDIS_REST_URL and JWKS_URL", () => {
    fc.assert(
      fc.property(anySecret, fc.constantFrom("UPSTASH_REDIS_REST_URL", "JWKS_URL"), (secret, name) => {
        expect(problemsOf({ [name]: `https://u:${secret}@example.com` }).join("\n")).not.toContain(secret);
      }),
    );
  });
});

describe("reading a configuration", () => {
  const FIELDS = [
    "name",
    "match",
    "key",
    "limit",
    "algorithm",
    "burst",
    "cost",
    "mode",
    "durable",
    "lease",
    "on",
    "count",
    "estimate",
    "lockout",
  ];
  const TEXTS = [
    "5/minute",
    "ip | none",
    "/users/:id{[a-z]+}",
    "GET,POST h:1/x",
    "token-bucket",
    "shadow",
    "*",
    "::1/64",
    "response-json:/a~1b",
    "mcp:tool | body:/x",
    "401, 5xx",
    "15m after 5 in 1m",
  ];
  const anyText = fc.oneof(fc.constantFrom(...TEXTS), fc.string(), fc.string({ unit: "binary" }));
  const anyValue = fc.oneof(
    anyText,
    fc.jsonValue(),
    fc.constantFrom(0, 1, -1, 1.5, 2 ** 53, true, null, [], {}),
  );
  const anyLimit = fc.oneof(
    anyValue,
    fc.dictionary(fc.constantFrom("by", "*", "free", " Free ", "__proto__", "toString"), anyValue),
  );
  const anyPolicy = fc.oneof(
    anyValue,
    fc.record(Object.fromEntries(FIELDS.map((field) => [field, field === "limit" ? anyLimit : anyValue])), {
      requiredKeys: [],
    }),
  );
  const anyList = fc.oneof(anyValue, fc.array(anyPolicy), fc.array(anyText), fc.json());
  const anyName = fc.oneof(
    fc.constantFrom(
      ...VARIABLES,
      "POLICIES_2",
      "DENY_99",
      "LIMIT_DEFAULT",
      "LIMIT_",
      "__proto__",
      "constructor",
    ),
    fc.string(),
  );
  const anyEnv = fc.dictionary(anyName, anyList, { maxKeys: 6 });

  it("never throws, whatever the environment holds", () => {
    fc.assert(
      fc.property(anyEnv, (env) => {
        expect(() => parseConfig(env)).not.toThrow();
      }),
      { numRuns: 1_000 },
    );
  });

  it("gives a configuration or at least one problem with a path and a message", () => {
    fc.assert(
      fc.property(anyEnv, (env) => {
        const parsed = parseConfig(env);
        if (parsed.ok) return;
        expect(parsed.problems.length).toBeGreaterThan(0);
        for (const { path, message } of parsed.problems) expect([path, message]).not.toContain("");
      }),
      { numRuns: 1_000 },
    );
  });

  it("accepts only quotas within the bounds of the arithmetic", () => {
    const anyFields = fc.record(
      {
        limit: fc
          .tuple(fc.integer({ min: 1 }), fc.constantFrom("s", "5 m", "day"))
          .map((parts) => parts.join("/")),
        algorithm: fc.constantFrom("token-bucket", "sliding-window"),
        burst: fc.maxSafeInteger(),
      },
      { requiredKeys: ["limit"] },
    );
    fc.assert(
      fc.property(anyFields, (fields) => {
        const parsed = parseConfig(envWith(fields));
        const quotas = parsed.ok
          ? parsed.config.policies.flatMap(({ limits }) => (limits.kind === "fixed" ? limits.quotas : []))
          : [];
        for (const { quota } of quotas) {
          expect(Math.max(quota.limit, quota.burst) * quota.windowMs).toBeLessThanOrEqual(2 ** 52);
        }
      }),
      { numRuns: 500 },
    );
  });
});
