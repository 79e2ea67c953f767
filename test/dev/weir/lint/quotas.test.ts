import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dominates } from "../../../../dev/weir/lint/bounds.ts";
import type { KeyRecord } from "../../../../src/limit/key-record.ts";
import type { Quota } from "../../../../src/limit/quota.ts";
import { takeAll } from "../../../../src/limit/take.ts";
import { adviceOn, advised } from "./fixtures.ts";

describe("quotas that can never bind", () => {
  it.each([
    ["60/hour, 100/minute", "a larger one of a smaller window"],
    ["5/minute, 7200/day", "what the smaller one adds up to"],
    ["10/10s, 60/minute", "exactly what the smaller one adds up to"],
  ])("are found in %s: %s", (limit) => {
    expect(advised({ limit })).toEqual(["never-binds POLICIES[0].limit"]);
  });

  it.each(["5/minute, 60/hour", "10/10s, 59/minute", "60/hour, 59/minute", "5 concurrent, 5/minute"])(
    "are not found in %s",
    (limit) => {
      expect(advised({ limit })).toEqual([]);
    },
  );

  it("are told apart from the one that refuses", () => {
    const [advice] = adviceOn({ POLICIES: [{ name: "api", limit: "100/minute, 60/hour" }] });
    expect(advice).toMatchObject({
      policy: "api",
      what: `"100 requests per minute" can never refuse: "60 requests per hour" always refuses first`,
    });
  });

  it("are found in the row of a table", () => {
    const limit = { by: "jwt:plan", pro: "10/hour, 20/minute", "*": "5/minute" };
    const env = { JWT_SECRET: "s", POLICIES: [{ name: "api", key: "user", limit }] };
    expect(adviceOn(env).map(({ rule }) => rule)).toEqual(["never-binds"]);
  });

  it("are found in the variable that replaces the limit", () => {
    const env = { POLICIES: [{ name: "api", limit: "1/day" }], LIMIT_API: "60/hour, 100/minute" };
    expect(adviceOn(env).map(({ path }) => path)).toEqual(["LIMIT_API"]);
  });

  it("are found in a policy of which another one counts all requests", () => {
    expect(advised({ limit: "60/hour" }, { match: "/api/*", limit: "100/minute" })).toEqual([
      "never-binds POLICIES[1].limit",
    ]);
  });

  it.each([
    ["another key", { key: "global" }],
    ["other requests", { match: "/other/*" }],
    ["shadow mode", { mode: "shadow" }],
    ["only failures", { count: "401" }],
  ])("are not found where the stronger policy has %s", (_, fields) => {
    const stronger = { limit: "60/hour", ...fields };
    expect(advised(stronger, { match: "/api/*", limit: "100/minute" })).toEqual([]);
  });

  it("are found once in two policies that are the same", () => {
    expect(advised({ limit: "5/minute" }, { limit: "5/minute" })).toEqual(["never-binds POLICIES[1].limit"]);
  });

  it("are found by what a request costs under each", () => {
    const cheap = { match: "/api/*", limit: "100/minute" };
    expect(advised({ limit: "600/minute", cost: 10 }, cheap)).toEqual(["never-binds POLICIES[1].limit"]);
    expect(advised({ limit: "600/minute", cost: 5 }, cheap)).toEqual([]);
  });

  it("are found in token buckets that are larger and fill no slower", () => {
    const algorithm = "token-bucket";
    expect(advised({ algorithm, limit: "60/hour" }, { algorithm, limit: "100/minute" })).toEqual([
      "never-binds POLICIES[1].limit",
    ]);
    expect(advised({ algorithm, limit: "60/hour", burst: 200 }, { algorithm, limit: "100/minute" })).toEqual(
      [],
    );
  });
});

describe("what dominates another quota", () => {
  const quotas = (algorithm: Quota["algorithm"]) =>
    fc
      .record({ limit: fc.integer({ min: 1, max: 12 }), windowMs: fc.constantFrom(1, 2, 3, 5, 6, 10) })
      .map(({ limit, windowMs }): Quota => ({ algorithm, limit, windowMs: windowMs * 100, burst: limit }));
  const pairs = fc
    .constantFrom("sliding-window" as const, "token-bucket" as const, "fixed-window" as const)
    .chain((algorithm) => fc.tuple(quotas(algorithm), quotas(algorithm)));
  const costs = fc.integer({ min: 1, max: 3 });
  const steps = fc.array(fc.integer({ min: 0, max: 150 }), { maxLength: 60 });

  it("refuses whatever the other one would, in any history", () => {
    let compared = 0;
    fc.assert(
      fc.property(pairs, costs, costs, steps, ([one, other], cost, otherCost, gaps) => {
        if (!dominates({ quota: one, cost }, { quota: other, cost: otherCost })) return;
        compared += 1;
        const shared = { key: "k", shadow: false, durable: false };
        const charges = [
          { ...shared, count: "one", quota: one, cost },
          { ...shared, count: "other", quota: other, cost: otherCost },
        ];
        const records = new Map<string, KeyRecord>();
        let nowMs = 1_000_000;
        for (const gap of gaps) {
          nowMs += gap;
          const { decisions, changed } = takeAll(records, charges, nowMs);
          for (const [key, record] of changed) records.set(key, record);
          expect(decisions[0]?.allowed && !decisions[1]?.allowed).toBe(false);
        }
      }),
      { numRuns: 2_000 },
    );
    expect(compared).toBeGreaterThan(200);
  });
});

describe("a cost that never fits", () => {
  it("is found", () => {
    expect(advised({ cost: 61 })).toEqual(["never-admits POLICIES[0].cost"]);
    expect(advised({ cost: "response-header:x-cost", estimate: 61 })).toEqual([
      "never-admits POLICIES[0].estimate",
    ]);
    expect(advised({ cost: 6, algorithm: "token-bucket", burst: 5 })).toEqual([
      "never-admits POLICIES[0].cost",
    ]);
  });

  it("is not found where there is just enough room", () => {
    expect(advised({ cost: 60 })).toEqual([]);
    expect(advised({ cost: "header:x-cost" })).toEqual([]);
  });
});
