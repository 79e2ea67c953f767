import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { useBreakableGateway } from "../support/breakable-gateway.ts";
import { SLOW_MS } from "../support/faulty-objects.ts";
import { LONG_TIMEOUT, remainingOf } from "../support/ladder.ts";
import { shareStore } from "../support/shared-store.ts";

/** So long that even a slow machine answers much within the ten seconds that permits of it are held. */
const WINDOW = "hour";
const TIMEOUT_MS = 8_000;

let callers = 0;
const newCaller = (): string => `caller-${callers++}`;

const ask = (url: string, path: string, caller: string, signal?: AbortSignal) =>
  fetch(url + path, { headers: { "X-Caller": caller }, ...(signal && { signal }) });

/** Sends so many requests, a few at a time, and counts the answers by their status. */
async function send(urls: readonly string[], path: string, caller: string, requests: number, atATime = 5) {
  const statuses = new Map<number, number>();
  for (let i = 0; i < requests; i += atATime) {
    const answers = await Promise.all(
      Array.from({ length: atATime }, (_, j) => ask(urls[(i + j) % urls.length] ?? "", path, caller)),
    );
    for (const answer of answers) {
      await answer.arrayBuffer();
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    }
  }
  return Object.fromEntries(statuses);
}

describe("a leased policy", () => {
  const leased = { key: "header:x-caller", lease: true };
  const gateway = useBreakableGateway({
    STORE_TIMEOUT: `${TIMEOUT_MS}ms`,
    POLICIES: [
      { ...leased, name: "hot", match: "/hot", limit: `100000/${WINDOW}` },
      { ...leased, name: "few", match: "/few", limit: `200/${WINDOW}` },
      { name: "exact", match: "/exact", key: "header:x-caller", limit: "5/minute" },
      { ...leased, name: "beside", match: "/exact", limit: `100000/${WINDOW}` },
    ],
  });
  afterEach(() => gateway.mendStore());
  const url = () => gateway.weir.url;

  it("decides 95 of 100 requests of a hot key without a store call", async () => {
    const caller = newCaller();
    await gateway.resetCalls();
    expect(await send([url()], "/hot", caller, 1_000)).toEqual({ 200: 1_000 });
    expect(gateway.storeCalls).toBeLessThanOrEqual(50);
  });

  it("says what is in hand, and refuses when the limit is reached, not before and not after", async () => {
    const caller = newCaller();
    const remaining = [];
    for (let i = 0; i < 20; i++) remaining.push(remainingOf(await ask(url(), "/few", caller)));
    expect(remaining[0]).toBe(199);
    expect(Math.max(...remaining.map(Number))).toBe(199);
    const answers = await send([url()], "/few", caller, 300, 1);
    expect(answers).toEqual({ 200: 180, 429: 120 });
    const refusal = await ask(url(), "/few", caller);
    expect(Number(refusal.headers.get("retry-after"))).toBeGreaterThan(3_500);
    expect(remainingOf(refusal)).toBe(0);
  });

  it("does not weaken another policy of the same requests", async () => {
    expect(await send([url()], "/exact", newCaller(), 30)).toEqual({ 200: 5, 429: 25 });
  });

  it("makes few store calls for requests that come together", async () => {
    const caller = newCaller();
    await gateway.resetCalls();
    expect(await send([url()], "/hot", caller, 100, 100)).toEqual({ 200: 100 });
    expect(gateway.storeCalls).toBeLessThanOrEqual(20);
  });

  it("answers those who wait for a call when the one who made it leaves in the middle of it", async () => {
    const caller = newCaller();
    // A pace is known, and nothing is in hand.
    await send([url()], "/hot", caller, 60);
    await sleep(10_100);
    gateway.slowStore("hot");
    await gateway.resetCalls();
    const leaves = new AbortController();
    const first = ask(url(), "/hot", caller, leaves.signal).catch(() => undefined);
    await sleep(SLOW_MS / 4);
    const askedMs = performance.now();
    const others = Promise.all([ask(url(), "/hot", caller), ask(url(), "/hot", caller)]);
    await sleep(SLOW_MS / 4);
    leaves.abort();
    expect(await first).toBeUndefined();
    const answers = await others;
    expect(performance.now() - askedMs).toBeLessThan(TIMEOUT_MS);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    // By the store, and not by the step for when it fails.
    expect(answers.map((answer) => answer.headers.has("ratelimit"))).toEqual([true, true]);
    expect(gateway.storeCalls).toBe(1);
  });
});

describe("a leased policy over two Workers", () => {
  const POLICIES = [{ name: "hot", key: "header:x-caller", limit: `400/${WINDOW}`, lease: true }];

  it("never admits more than its limit, whatever the first of them took along when it ended", async () => {
    const start = await shareStore({ STORE_TIMEOUT: LONG_TIMEOUT, POLICIES });
    const caller = newCaller();
    const before = await start();
    const { 200: first = 0 } = await send([before.url], "/", caller, 150);
    expect(first).toBe(150);
    await before.stop();
    const after = await start();
    const { 200: second = 0 } = await send([after.url], "/", caller, 400, 1);
    expect(first + second).toBeLessThanOrEqual(400);
    // About a twentieth of the limit was in the hand of the first.
    expect(first + second).toBeGreaterThanOrEqual(350);
  });
});
