import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../../src/config/parse-config.ts";
import type { Quota } from "../../../../src/limit/quota.ts";
import { LeasePlan } from "../../../../src/store/lease-plan.ts";
import { policyOf, quotasOf } from "../../../config/fixtures.ts";
import { adviceOn, advised } from "./fixtures.ts";

const START_MS = 1_790_000_000_000;

const whyOf = (limit: string): string => adviceOn({ POLICIES: [{ name: "api", limit }] })[0]?.why ?? "";

/** What a busy isolate takes ahead of a quota when calls are slow: as much, and for as long, as any ever does. */
function mostTaken(quota: Quota) {
  const plan = new LeasePlan(quota);
  for (let i = 0; i <= 100; i++) plan.note(quota.limit, START_MS + 100 * i);
  const nowMs = START_MS + 10_000;
  const answer = { allowed: true, retryAfterMs: 0, remaining: 0, moreRoomMs: 0, resetMs: 0, nowMs };
  plan.answered(answer, quota.limit, nowMs - 5_000, nowMs);
  return plan.ahead(0, 0, nowMs);
}

describe("a lease", () => {
  it("is advised above 1,000 a minute for one key", () => {
    const [advice, ...more] = adviceOn({ POLICIES: [{ name: "api", limit: "1001/minute" }] });
    expect(advice).toMatchObject({ rule: "lease", path: "POLICIES[0].lease", policy: "api" });
    expect(more).toEqual([]);
  });

  it.each([
    ["1001/minute", 50, "10 seconds"],
    ["100000/hour", 5_000, "10 seconds"],
    ["20000/10s", 1_000, "1.7 seconds"],
    ["500/6s", 25, "1 second"],
  ])("of %s is said to hold what it holds: %i for %s", (limit, batch, time) => {
    expect(whyOf(limit)).toContain(`at most ${batch} at a time`);
    expect(whyOf(limit)).toContain(`at most ${time} and`);
    const [named] = quotasOf(policyOf({ POLICIES: [{ name: "api", limit }] }));
    const { units, holdMs = 0 } = (named && mostTaken(named.quota)) ?? {};
    expect(units).toBe(batch);
    expect(`${Math.ceil(holdMs / 100) / 10}`).toBe(time.split(" ")[0]);
  });

  it.each([
    ["few requests", { limit: "1000/minute" }],
    ["few requests in a long time", { limit: "60000/hour" }],
    ["a window too short to hold anything", { limit: "2000/3s" }],
    ["a second quota that cannot be held", { limit: "2000/minute, 50/s" }],
    ["a lease already", { limit: "2000/minute", lease: true }],
  ])("is not advised for %s", (_, fields) => {
    expect(advised(fields)).toEqual([]);
  });

  it.each([
    ["token buckets", { algorithm: "token-bucket" }],
    ["counted statuses", { count: "401" }],
    ["costs of responses", { cost: "response-header:x-cost" }],
    ["lockouts", { lockout: "15m after 5 in 1m" }],
    ["concurrency", { limit: "2000/minute, 5 concurrent" }],
    ["messages", { on: "message" }],
  ])("is not advised where it would be a mistake: %s", (_, fields) => {
    const policy = { name: "api", limit: "2000/minute", ...fields };
    expect(advised(policy)).toEqual([]);
    expect(parseConfig({ POLICIES: [{ ...policy, lease: true }] }).ok).toBe(false);
  });

  it.each([
    ["a window below 4 seconds", "2000/3s"],
    ["a limit whose twentieth is less than 1", "19/minute"],
    ["one such quota of two", "2000/minute, 50/s"],
  ])("is said to be without effect on %s", (_, limit) => {
    expect(advised({ limit, lease: true })).toEqual(["lease-without-effect POLICIES[0].lease"]);
  });

  it("has an effect on the smallest quotas that can be held", () => {
    expect(advised({ limit: "20/4s", lease: true })).toEqual([]);
  });
});
