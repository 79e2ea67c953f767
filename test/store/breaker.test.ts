import { beforeEach, describe, expect, it } from "vitest";
import { type Breaker, createBreaker } from "../../src/store/breaker.ts";

/** The longest that a store which is back may be left alone. */
const HALF_OPEN_WITHIN_MS = 5_000;

let nowMs = 0;
beforeEach(() => {
  nowMs = 1_800_000_000_000;
});
const breakerOf = (minParts = 1) => createBreaker(() => nowMs, minParts);

function fail(breaker: Breaker, ...parts: string[]): void {
  for (const part of parts) breaker.failed(part);
}

/** Lets time pass in small steps until the store may be asked; how long that took. */
function waitForProbe(breaker: Breaker): number {
  const startMs = nowMs;
  while (!breaker.allows() && nowMs - startMs <= HALF_OPEN_WITHIN_MS) nowMs += 10;
  return nowMs - startMs;
}

describe("a breaker", () => {
  it("opens after five failures in a row", () => {
    const breaker = breakerOf();
    fail(breaker, "a", "a", "a", "a");
    expect(breaker.allows()).toBe(true);
    fail(breaker, "a");
    expect(breaker.allows()).toBe(false);
  });

  it("tells when it opens and closes, once each", () => {
    const changes: boolean[] = [];
    const breaker = createBreaker(
      () => nowMs,
      1,
      (isOpen) => changes.push(isOpen),
    );
    fail(breaker, "a", "a", "a", "a");
    breaker.succeeded();
    expect(changes).toEqual([]);
    fail(breaker, "a", "a", "a", "a", "a", "a", "a");
    expect(changes).toEqual([true]);
    breaker.succeeded();
    breaker.succeeded();
    expect(changes).toEqual([true, false]);
  });

  it("starts to count again after a success", () => {
    const breaker = breakerOf();
    fail(breaker, "a", "a", "a", "a");
    breaker.succeeded();
    fail(breaker, "a", "a", "a", "a");
    expect(breaker.allows()).toBe(true);
  });

  it("opens only when enough different parts failed in a row", () => {
    const breaker = breakerOf(3);
    fail(breaker, ...Array(100).fill("a"), "b", "b");
    expect(breaker.allows()).toBe(true);
    fail(breaker, "c");
    expect(breaker.allows()).toBe(false);
  });

  it("does not open on few failures, however many parts they are of", () => {
    const breaker = breakerOf(3);
    fail(breaker, "a", "b", "c", "d");
    expect(breaker.allows()).toBe(true);
  });

  it("forgets which parts failed when one answers", () => {
    const breaker = breakerOf(3);
    fail(breaker, "a", "b", "a", "b", "a");
    breaker.succeeded();
    fail(breaker, "c", "c", "c", "c", "c");
    expect(breaker.allows()).toBe(true);
  });

  it("lets one call try within five seconds, and no other meanwhile", () => {
    const breaker = breakerOf();
    fail(breaker, "a", "a", "a", "a", "a");
    const waitedMs = waitForProbe(breaker);
    expect(waitedMs).toBeGreaterThan(0);
    expect(waitedMs).toBeLessThan(HALF_OPEN_WITHIN_MS);
    expect(Array.from({ length: 100 }, () => breaker.allows())).not.toContain(true);
  });

  it("closes when the try succeeds", () => {
    const breaker = breakerOf();
    fail(breaker, "a", "a", "a", "a", "a");
    waitForProbe(breaker);
    breaker.succeeded();
    expect(Array.from({ length: 100 }, () => breaker.allows())).not.toContain(false);
    fail(breaker, "a", "a", "a", "a");
    expect(breaker.allows()).toBe(true);
  });

  it("stays open when the try fails, and tries again within five seconds", () => {
    const breaker = breakerOf();
    fail(breaker, "a", "a", "a", "a", "a");
    waitForProbe(breaker);
    fail(breaker, "a");
    expect(breaker.allows()).toBe(false);
    expect(waitForProbe(breaker)).toBeLessThan(HALF_OPEN_WITHIN_MS);
  });

  it("tries again within five seconds when a try never reports", () => {
    const breaker = breakerOf();
    fail(breaker, "a", "a", "a", "a", "a");
    waitForProbe(breaker);
    expect(breaker.allows()).toBe(false);
    expect(waitForProbe(breaker)).toBeLessThan(HALF_OPEN_WITHIN_MS);
  });

  it("does not put a try off for the failures of calls that began before it opened", () => {
    const [quiet, late] = [breakerOf(), breakerOf()];
    for (const breaker of [quiet, late]) fail(breaker, "a", "a", "a", "a", "a");
    const startMs = nowMs;
    const expectedMs = waitForProbe(quiet);
    nowMs = startMs;
    let waitedMs = 0;
    for (; !late.allows() && waitedMs <= HALF_OPEN_WITHIN_MS; waitedMs += 10) {
      fail(late, "a");
      nowMs += 10;
    }
    expect(waitedMs).toBe(expectedMs);
  });

  it("lets one call in each interval through while the store stays away", () => {
    const breaker = breakerOf();
    fail(breaker, "a", "a", "a", "a", "a");
    let calls = 0;
    for (const endMs = nowMs + 60_000; nowMs < endMs; nowMs += 10) {
      if (!breaker.allows()) continue;
      calls += 1;
      fail(breaker, "a");
    }
    expect(calls).toBeGreaterThanOrEqual(12);
    expect(calls).toBeLessThanOrEqual(60);
  });
});
