import { describe, expect, it } from "vitest";
import type { Decision } from "../../src/limit/charge.ts";
import { CONCURRENCY } from "../../src/limit/quota.ts";
import { LeasePlan } from "../../src/store/lease-plan.ts";
import { quota, START_MS } from "./fixtures.ts";

const MINUTE = 60_000;
const LIMIT = 1_000_000;

const decisionWith = (changes: Partial<Decision>): Decision => ({
  allowed: true,
  retryAfterMs: 0,
  remaining: LIMIT,
  moreRoomMs: 0,
  resetMs: 0,
  nowMs: START_MS,
  ...changes,
});

/** A plan that has let so many units a second through for half a minute, by what the store counted at once. */
function planAt(perSecond: number, { windowMs = MINUTE, limit = LIMIT, callMs = 10 } = {}) {
  const plan = new LeasePlan(quota(limit, windowMs));
  let nowMs = START_MS;
  for (let i = 0; i < 30 * perSecond; i++) {
    plan.note(1, nowMs);
    nowMs += 1_000 / perSecond;
  }
  /** The store says how much all holders together have used. */
  const heardOf = (used: number, own: number) =>
    plan.answered(decisionWith({ remaining: limit - used }), own, nowMs - callMs, nowMs);
  heardOf(30 * perSecond, 30 * perSecond);
  return { plan, nowMs, heardOf, ahead: (held = 0, waiting = 0) => plan.ahead(held, waiting, nowMs) };
}

describe("what can be leased", () => {
  it.each([
    [quota(100, 4_000), true],
    [quota(100, 3_999), false],
    [quota(100, MINUTE, "token-bucket"), false],
    [quota(100, MINUTE, "fixed-window"), false],
    [{ ...quota(100, MINUTE), algorithm: CONCURRENCY }, false],
  ] as const)("%j: %s", (one, expected) => {
    expect(LeasePlan.isFor(one)).toBe(expected);
  });
});

describe("how long a lease is held", () => {
  it("alone under an override: what its limit leaves away is nobody's", () => {
    const { plan, nowMs, ahead } = planAt(100);
    // By the quota's own limit everybody else together would seem to hold all that is lacking.
    plan.answered(decisionWith({ limit: 4_000, remaining: 1_000 }), 0, nowMs - 10, nowMs);
    expect(ahead()?.holdMs).toBe(1_000);
  });

  it.each([
    ["a sixtieth of a window", { windowMs: MINUTE }, 1_000],
    ["at least 200 ms", { windowMs: 6_000 }, 200],
    ["at most ten seconds", { windowMs: 60 * MINUTE }, 10_000],
    ["for eight calls, where calls are slow", { windowMs: MINUTE, callMs: 300 }, 2_400],
    ["at most a sixth of a window, however slow calls are", { windowMs: 6_000, callMs: 900 }, 1_000],
  ])("alone: %s", (_, options, holdMs) => {
    expect(planAt(100, options).ahead()?.holdMs).toBe(holdMs);
  });

  it.each([
    [10, 1_000],
    [300, 1_000],
    [1_500, 5_000],
    [3_000, 10_000],
    [30_000, 10_000],
  ])("of %i holders: so long that all of them make 300 calls a second", (holders, holdMs) => {
    const { heardOf, ahead } = planAt(10);
    heardOf(300 * holders, 0);
    expect(Math.abs((ahead()?.holdMs ?? 0) / holdMs - 1)).toBeLessThan(0.01);
  });

  it("ends a tenth of a second early, counted from asking", () => {
    const { plan } = planAt(10);
    expect(plan.endMs(START_MS, { units: 5, holdMs: 1_000 })).toBe(START_MS + 900);
  });
});

describe("how much is leased", () => {
  it("nothing before a pace is known", () => {
    const plan = new LeasePlan(quota(LIMIT, MINUTE));
    expect(plan.ahead(0, 0, START_MS)).toBeUndefined();
  });

  it("nothing at a pace of less than about one in the time it would be held", () => {
    expect(planAt(1).ahead()).toBeUndefined();
    expect(planAt(3).ahead()?.units).toBe(2);
  });

  it.each([10, 100, 1_000])("at a pace of %i a second most of what that needs until its end", (perSecond) => {
    const { units = 0, holdMs = 0 } = planAt(perSecond).ahead() ?? {};
    const needed = (perSecond * (holdMs - 100)) / 1_000;
    expect(units / needed).toBeGreaterThan(0.75);
    expect(units / needed).toBeLessThan(0.9);
  });

  it("less by what is in hand", () => {
    const { ahead } = planAt(100);
    expect((ahead(0)?.units ?? 0) - (ahead(20)?.units ?? 0)).toBe(20);
    expect(ahead(200)).toBeUndefined();
  });

  it("at most a twentieth of the limit, but for what others wait for", () => {
    const { ahead } = planAt(1_000, { limit: 2_000 });
    expect(ahead()?.units).toBe(100);
    expect(ahead(0, 300)?.units).toBe(300);
  });

  it("as much after a refusal as before it, however long that was believed", () => {
    const { plan, ahead, nowMs } = planAt(100);
    const units = ahead()?.units;
    plan.refused(decisionWith({ allowed: false, remaining: 0, retryAfterMs: 8_000 }), 0, nowMs);
    expect(plan.ahead(0, 0, nowMs + 8_000)?.units).toBe(units);
    expect(plan.ahead(0, 0, nowMs + 60_000)).toBeUndefined();
  });

  it("no more after refusals of what was too large, while the rest goes on", () => {
    const { plan, ahead, nowMs } = planAt(100);
    const units = ahead()?.units ?? 0;
    const tooLarge = decisionWith({ allowed: false, remaining: 1_000, retryAfterMs: 8_000 });
    for (let i = 0; i < 1_000; i++) {
      plan.note(1, nowMs + 10 * i);
      plan.refused(tooLarge, 0, nowMs + 10 * i);
    }
    expect(plan.ahead(0, 0, nowMs + 10_000)?.units).toBeLessThan(1.1 * units);
  });
});

describe("when more is asked for", () => {
  it.each([
    [10, 6],
    [200, 34],
  ])("when what is in hand lasts no longer than a call of %i ms and a half, and a bit", (callMs, last) => {
    const { plan, nowMs } = planAt(100, { callMs });
    expect(plan.isShort(last, nowMs)).toBe(true);
    expect(plan.isShort(last + 1, nowMs)).toBe(false);
  });

  it("never while nothing has been let through", () => {
    expect(new LeasePlan(quota(LIMIT, MINUTE)).isShort(0, START_MS)).toBe(false);
  });
});

describe("a refusal", () => {
  const refusal = decisionWith({ allowed: false, remaining: 0, retryAfterMs: 300 });

  it.each([0, 0.999])("of the only holder is believed for as long as it lasts", (random) => {
    const { plan, nowMs } = planAt(100);
    expect(plan.refused(refusal, random, nowMs)).toBe(300);
  });

  it.each([
    [3_000, 0, 5_300],
    [3_000, 0.5, 7_800],
    [3_000, 1, 10_300],
    [300_000, 0, 5_300],
    [150, 0.5, 675],
  ])("of %i holders is spread over their turn: random %d", (holders, random, believedMs) => {
    const { plan, heardOf, nowMs } = planAt(10);
    heardOf(300 * holders, 0);
    expect(Math.abs(plan.refused(refusal, random, nowMs) / believedMs - 1)).toBeLessThan(0.01);
  });

  it("that will never fit stays one", () => {
    const { plan, nowMs } = planAt(10);
    const never = { ...refusal, retryAfterMs: Number.POSITIVE_INFINITY };
    expect(plan.refused(never, 0.5, nowMs)).toBe(Number.POSITIVE_INFINITY);
  });
});
