import { Ratelimit } from "@upstash/ratelimit";
import { Redis } from "@upstash/redis";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TOKEN, useLocalUpstash } from "./local-upstash.ts";

type Algorithm = ConstructorParameters<typeof Ratelimit>[0]["limiter"];

const upstash = useLocalUpstash();
const WINDOW_MS = 3_600_000;
// The start of a window: the library reads the clock itself, and a window must not end in the middle of a test.
const START = Math.ceil(1_800_000_000_000 / WINDOW_MS) * WINDOW_MS;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: START });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("fixedWindow", () => {
  const algorithm = Ratelimit.fixedWindow(5, "1 h");

  it("allows exactly its limit, in each window", async () => {
    const limiter = limiterWith(algorithm);
    expect(await allowed(limiter, 20)).toBe(5);
    vi.setSystemTime(START + WINDOW_MS);
    expect(await allowed(limiter, 20)).toBe(5);
  });

  it("costs one request and two commands inside the script, three to begin a window", async () => {
    const limiter = limiterWith(algorithm);
    await limiter.limit("key");
    await upstash().resetStats();
    await limiter.limit("other");
    await limiter.limit("other");
    expect(upstash().requests).toBe(2);
    expect(await upstash().commandStats()).toMatchObject({ evalsha: 2, incrby: 2, pexpire: 1 });
  });

  it("starts with one EVAL when Redis does not know the script, and again after a flush", async () => {
    const limiter = limiterWith(algorithm);
    expect(await allowed(limiter, 3)).toBe(3);
    expect(await upstash().commandStats()).toMatchObject({ evalsha: 3, eval: 1 });
    upstash().faults.set({ kind: "flush-scripts", times: 1 });
    expect(await allowed(limiter, 3)).toBe(2);
    expect(await upstash().commandStats()).toMatchObject({ evalsha: 6, eval: 2 });
  });

  it("tells what remains, takes rates above one, and forgets on reset", async () => {
    const limiter = limiterWith(algorithm);
    expect(await limiter.limit("key", { rate: 3 })).toMatchObject({ success: true, limit: 5, remaining: 2 });
    expect(await limiter.getRemaining("key")).toMatchObject({ remaining: 2, reset: START + WINDOW_MS });
    await limiter.resetUsedTokens("key");
    expect(await limiter.getRemaining("key")).toMatchObject({ remaining: 5 });
  });

  it("follows a limit that is changed in Redis", async () => {
    const limiter = limiterWith(algorithm, { dynamicLimits: true });
    await limiter.setDynamicLimit({ limit: 2 });
    expect(await allowed(limiter, 10)).toBe(2);
  });
});

describe("slidingWindow", () => {
  const algorithm = Ratelimit.slidingWindow(10, "1 h");

  it("allows exactly its limit in the first window", async () => {
    expect(await allowed(limiterWith(algorithm), 30)).toBe(10);
  });

  it("counts the last window by the part of it that is still in sight", async () => {
    const limiter = limiterWith(algorithm);
    await allowed(limiter, 30);
    vi.setSystemTime(START + WINDOW_MS * 1.5);
    expect(await allowed(limiter, 30)).toBe(5);
    expect(await limiter.getRemaining("key")).toMatchObject({ remaining: 0 });
  });
});

describe("tokenBucket", () => {
  const algorithm = Ratelimit.tokenBucket(3, "1 h", 7);

  it("allows what the bucket holds, then what is refilled", async () => {
    const limiter = limiterWith(algorithm);
    expect(await allowed(limiter, 20)).toBe(7);
    vi.setSystemTime(START + WINDOW_MS);
    expect(await allowed(limiter, 20)).toBe(3);
    expect(await limiter.getRemaining("key")).toMatchObject({ remaining: 0 });
  });
});

describe("cachedFixedWindow", () => {
  const algorithm = Ratelimit.cachedFixedWindow(5, "1 h");

  it("allows exactly its limit, without asking again what it knows", async () => {
    const limiter = limiterWith(algorithm, { ephemeralCache: new Map() });
    const first = await limiter.limit("key");
    await first.pending;
    let successes = Number(first.success);
    for (let call = 1; call < 20; call += 1) {
      const { success, pending } = await limiter.limit("key");
      await pending;
      successes += Number(success);
    }
    expect(successes).toBe(5);
    expect((await upstash().commandStats()).incrby).toBeLessThanOrEqual(6);
  });
});

it("keys do not share a limit", async () => {
  const limiter = limiterWith(Ratelimit.fixedWindow(2, "1 h"));
  expect(await allowed(limiter, 5, "one")).toBe(2);
  expect(await allowed(limiter, 5, "other")).toBe(2);
});

function limiterWith(
  limiter: Algorithm,
  options: { ephemeralCache?: Map<string, number>; dynamicLimits?: true } = {},
) {
  const { ephemeralCache = false, dynamicLimits = false } = options;
  const redis = new Redis({ url: upstash().url, token: TOKEN, enableTelemetry: false });
  return new Ratelimit({ redis, limiter, ephemeralCache, dynamicLimits, analytics: false });
}

async function allowed(limiter: Ratelimit, calls: number, key = "key"): Promise<number> {
  let successes = 0;
  // One after the other: the client would put simultaneous calls into one pipeline.
  for (let call = 0; call < calls; call += 1) successes += Number((await limiter.limit(key)).success);
  return successes;
}
