import { describe, expect, it } from "vitest";
import type { HeaderFamily, NamedQuota } from "../../src/config/config.ts";
import { addRateLimitFields } from "../../src/http/rate-limit-fields.ts";
import { type Applied, retryAfterSeconds } from "../../src/http/verdict.ts";
import type { Decision } from "../../src/limit/charge.ts";
import type { Outcome } from "../../src/store/store.ts";

const BOTH: ReadonlySet<HeaderFamily> = new Set(["ratelimit", "x-ratelimit"]);

function applied(name: string, changes: Partial<Decision> | undefined, limit = 5, burst = limit): Applied {
  const quota = { algorithm: "sliding-window", limit, windowMs: 60_000, burst } as const;
  const named: NamedQuota = { name, count: name, text: `${limit} requests per minute`, quota };
  const decision = {
    allowed: true,
    remaining: 4,
    retryAfterMs: 0,
    moreRoomMs: 60_000,
    resetMs: 60_000,
    nowMs: 1_000_000,
  };
  const outcome: Outcome = changes
    ? { kind: "decided", decision: { ...decision, ...changes } }
    : { kind: "open" };
  return { quota: named, key: `digest of ${name}`, outcome };
}

function fields(list: readonly Applied[], families = BOTH, origin: HeadersInit = {}): Record<string, string> {
  const headers = new Headers(origin);
  addRateLimitFields(headers, list, families);
  return Object.fromEntries(headers);
}

describe("rate limit fields", () => {
  it("give the limit and window of every quota, and the state of those that were decided", () => {
    expect(fields([applied("a", {}), applied("b", undefined)])).toMatchObject({
      "ratelimit-policy": '"a";q=5;w=60, "b";q=5;w=60',
      ratelimit: '"a";r=4;t=60',
    });
  });

  it("round times up and keep zeros", () => {
    expect(fields([applied("a", { remaining: 0, moreRoomMs: 1, resetMs: 1 })])).toMatchObject({
      ratelimit: '"a";r=0;t=1',
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": "1001",
    });
    expect(fields([applied("a", { moreRoomMs: 0 })]).ratelimit).toBe('"a";r=4;t=0');
  });

  it("show the quota with the least remaining, the first of equals", () => {
    const shown = (...list: Applied[]) => fields(list)["x-ratelimit-limit"];
    expect(shown(applied("a", { remaining: 3 }, 10), applied("b", { remaining: 2 }, 20))).toBe("20");
    expect(shown(applied("a", { remaining: 2 }, 10), applied("b", { remaining: 2 }, 20))).toBe("10");
  });

  it("show the refusal with the longest wait, whatever remains elsewhere", () => {
    const refused = (retryAfterMs: number) => ({ allowed: false, remaining: 1, retryAfterMs });
    const list = [
      applied("a", refused(10), 10),
      applied("b", refused(20), 20),
      applied("c", { remaining: 0 }, 30),
    ];
    expect(fields(list)["x-ratelimit-limit"]).toBe("20");
    const never = [applied("a", refused(Number.POSITIVE_INFINITY), 10), applied("b", refused(20), 20)];
    expect(fields(never)["x-ratelimit-limit"]).toBe("10");
  });

  it("show a token bucket's capacity", () => {
    expect(fields([applied("a", {}, 60, 10)])).toMatchObject({
      "ratelimit-policy": '"a";q=60;w=60',
      "x-ratelimit-limit": "10",
    });
  });

  it("come only from the families that are wanted", () => {
    const only = (family: HeaderFamily) => Object.keys(fields([applied("a", {})], new Set([family])));
    expect(only("ratelimit")).toEqual(["ratelimit", "ratelimit-policy"]);
    expect(only("x-ratelimit")).toEqual(["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]);
    const origin = { "RateLimit-Policy": "9;w=60", "X-RateLimit-Limit": "9" };
    expect(fields([applied("a", {})], new Set(), origin)).toEqual({
      "ratelimit-policy": "9;w=60",
      "x-ratelimit-limit": "9",
    });
  });

  it("take the place of an origin's fields of older drafts, and of its X-RateLimit fields also when nothing was decided", () => {
    const origin = { "RateLimit-Limit": "9", "RateLimit-Remaining": "8", "X-RateLimit-Limit": "9" };
    expect(fields([applied("a", undefined)], BOTH, origin)).toEqual({ "ratelimit-policy": '"a";q=5;w=60' });
  });

  it.each([
    ['"theirs";q=9', '"theirs";q=9, "a";q=5;w=60'],
    ['"a, b";q=9;w=1, "c"', '"a, b";q=9;w=1, "c", "a";q=5;w=60'],
    ["9;w=60", '"a";q=5;w=60'],
    ['"theirs";q=9, 9;w=60', '"a";q=5;w=60'],
    ["limit=9", '"a";q=5;w=60'],
  ])("with an origin's %s become %s", (theirs, both) => {
    expect(fields([applied("a", {})], BOTH, { "RateLimit-Policy": theirs })["ratelimit-policy"]).toBe(both);
  });
});

describe("Retry-After", () => {
  const refused = (retryAfterMs: number, name = "a") =>
    applied(name, { allowed: false, remaining: 0, retryAfterMs });

  it("is the longest wait in whole seconds, at least one", () => {
    expect(retryAfterSeconds([refused(1)], false)).toBe(1);
    expect(retryAfterSeconds([refused(1_000)], false)).toBe(1);
    expect(retryAfterSeconds([refused(1_001), refused(500)], false)).toBe(2);
  });

  it("is missing when the request can never be admitted", () => {
    expect(retryAfterSeconds([refused(Number.POSITIVE_INFINITY), refused(500)], false)).toBeUndefined();
  });

  it("grows with jitter by at most a tenth and five seconds, the same for a key each time", () => {
    const waits = Array.from(
      { length: 200 },
      (_, i) => retryAfterSeconds([refused(30_000, `key ${i}`)], true) ?? 0,
    );
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(30);
    expect(Math.max(...waits)).toBeLessThanOrEqual(33);
    expect(new Set(waits).size).toBeGreaterThan(2);
    expect(retryAfterSeconds([refused(3_600_000)], true)).toBeLessThanOrEqual(3_605);
    expect(retryAfterSeconds([refused(30_000)], true)).toBe(retryAfterSeconds([refused(30_000)], true));
  });
});
