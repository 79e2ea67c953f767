import { describe, expect, it } from "vitest";
import { advertised } from "../../src/http/outcomes.ts";
import { rateLimitFields } from "../../src/http/rate-limit-fields.ts";
import type { PolicyCharge } from "../../src/key/charges.ts";
import type { Decision } from "../../src/limit/charge.ts";
import { envWith, policyOf, quotasOf } from "../config/fixtures.ts";
import { charge } from "../store/fixtures.ts";

const FAMILIES = new Set(["ratelimit", "x-ratelimit"] as const);
const slots = { expectedWaitMs: () => 7_000 };

/** What callers are told of a policy with one quota, decided by the store with an override's limit or without. */
function told(policy: object, changes: Partial<Decision>) {
  const own = policyOf(envWith({ name: "all", ...policy }));
  const [quota] = quotasOf(own);
  if (!quota) throw new Error("expected a quota");
  const charges = [{ policy: own, quota, charge: charge({ quota: quota.quota }) } as unknown as PolicyCharge];
  const decision = { allowed: false, remaining: 0, retryAfterMs: 9_000, moreRoomMs: 9_000, resetMs: 9_000 };
  const outcomes = [{ kind: "decided", decision: { ...decision, nowMs: 0, ...changes } } as const];
  const [applied] = advertised(charges, { admitted: false, outcomes, receipts: [], final: true }, slots);
  if (!applied) throw new Error("expected it to be advertised");
  return { applied, fields: rateLimitFields([applied], FAMILIES), text: applied.quota.text };
}

describe("what callers are told of a quota with an override", () => {
  it("is its limit, not the quota's", () => {
    const { fields, text } = told({ limit: "5/minute" }, { limit: 20 });
    expect(fields["RateLimit-Policy"]).toBe('"all";q=20;w=60');
    expect(fields["X-RateLimit-Limit"]).toBe("20");
    expect(text).toBe("20 requests per minute");
  });

  it("is a burst in proportion", () => {
    const { fields } = told({ limit: "60/minute", algorithm: "token-bucket", burst: 10 }, { limit: 90 });
    expect(fields["RateLimit-Policy"]).toBe('"all";q=90;w=60');
    expect(fields["X-RateLimit-Limit"]).toBe("15");
  });

  it.each([
    ["5/minute", 1, "1 request per minute"],
    ["1/minute", 2, "2 requests per minute"],
    ["5 per 10s", 0, "0 requests per 10 seconds"],
    ["5 concurrent", 1, "1 concurrent request"],
    ["1 concurrent", 3, "3 concurrent requests"],
  ])("instead of %s is in words, too: %i", (limit, overridden, text) => {
    expect(told({ limit }, { limit: overridden }).text).toBe(text);
  });

  it("is the quota's where there is none", () => {
    const { fields, text } = told({ limit: "5/minute" }, {});
    expect(fields["RateLimit-Policy"]).toBe('"all";q=5;w=60');
    expect(text).toBe("5 requests per minute");
  });

  it("of a block on what is under way is the wait to its end, no guess when a slot is free", () => {
    const { applied } = told({ limit: "5 concurrent" }, { limit: 0, retryAfterMs: 900_000 });
    expect(applied.outcome).toMatchObject({ decision: { retryAfterMs: 900_000 } });
    const lowered = told({ limit: "5 concurrent" }, { limit: 2, retryAfterMs: 900_000 });
    expect(lowered.applied.outcome).toMatchObject({ decision: { retryAfterMs: 7_000 } });
  });
});
