import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Fault, SIMPLE_FAULTS } from "../../dev/upstash/faults.ts";
import { type Gateway, newAddress, useGateway } from "../support/gateway.ts";
import {
  expectDiscreetLog,
  expectStep,
  isCounted,
  LADDER,
  LONG_TIMEOUT,
  remainingOf,
  SHORT_TIMEOUT_MS,
  STEPS,
  untilCounted,
} from "../support/ladder.ts";
import type { RunningRedis } from "../support/local-store.ts";
import { startOrigin } from "../support/origin.ts";
import { startWorker } from "../support/workerd.ts";

/** Faults after which Weir still has its answer. */
const HARMLESS: readonly Fault[] = [{ kind: "flush-scripts" }, { kind: "delay", ms: 20 }];
/** Faults that lead to the ladder. */
const HARMFUL: readonly Fault[] = [
  ...SIMPLE_FAULTS.filter((kind) => kind !== "flush-scripts").map((kind) => ({ kind })),
  { kind: "delay", ms: SHORT_TIMEOUT_MS + 700 },
];
/** Of these the ones that come after the request was counted. */
const EXECUTED: readonly string[] = ["drop", "half"];

const redisOf = (gateway: Gateway): RunningRedis => {
  if (!gateway.redis) throw new Error("these tests need a Redis");
  return gateway.redis;
};

// Faults of the REST service: those of Durable Objects have a file of their own.
describe("a Redis that fails", () => {
  const policies = [
    ...LADDER,
    { name: "user", match: "/user", key: "header:x-user-id | ip", limit: "2/minute" },
  ];
  const gateway = useGateway({ STORE_TIMEOUT: `${SHORT_TIMEOUT_MS}ms`, POLICIES: policies }, "upstash");
  let startMs = 0;
  const faults = () => redisOf(gateway).rest.faults;

  beforeAll(() => {
    startMs = performance.now();
  });
  // Each test meets a store that has just answered, and a breaker that has not begun to count failures.
  beforeEach(() => untilCounted(gateway.send, "/open"));
  afterEach(() => faults().clear());

  describe.each(HARMFUL)("with $kind", (fault) => {
    it.each(STEPS)("leads to the step %s, in time", async (step) => {
      faults().set(fault);
      await expectStep(gateway.send, step);
    });
  });

  it("does not cost every request the timeout, and is asked again once it is back", async () => {
    const { rest } = redisOf(gateway);
    faults().set({ kind: "hang" });
    await rest.resetStats();
    const hangingMs = performance.now();
    for (let i = 0; i < 40; i++) expect((await gateway.send("/open")).status).toBe(200);
    // Five until the breaker opens, then one that tries in each interval of at least a second.
    expect(rest.requests).toBeLessThanOrEqual(5 + (performance.now() - hangingMs) / 1_000);
    faults().clear();
    await untilCounted(gateway.send, "/open");
    for (let i = 0; i < 3; i++) await untilCounted(gateway.send, "/local");
  });

  it("writes at most a line a second of each kind, with nothing that tells who called", async () => {
    const user = { from: newAddress(), headers: { "X-User-Id": "user-who-must-not-be-named" } };
    const redis = redisOf(gateway);
    for (const fault of HARMFUL.filter(({ kind }) => kind !== "hang" && kind !== "delay")) {
      faults().set(fault);
      for (let i = 0; i < 2; i++) await gateway.send("/user", user);
      faults().clear();
      await untilCounted(gateway.send, "/open");
    }
    const stored = await redis.entries();
    expect(stored.length).toBeGreaterThan(0);
    expectDiscreetLog(gateway.weir.output(), performance.now() - startMs, [
      "user-who-must-not-be-named",
      "198.18.",
      redis.rest.token,
      ...stored.map(({ key }) => key.slice(key.indexOf(":") + 1)),
    ]);
  });
});

describe("a count in a Redis that fails", () => {
  const policies = [
    { name: "five", match: "/five", limit: "5/minute", on_store_error: "local" },
    { name: "load", match: "/load", limit: "20/minute", on_store_error: "local" },
  ];
  const gateway = useGateway({ STORE_TIMEOUT: LONG_TIMEOUT, POLICIES: policies }, "upstash");
  const rest = () => redisOf(gateway).rest;
  afterEach(() => rest().faults.clear());

  it.each(HARMLESS)("goes on through $kind", async (fault) => {
    const from = newAddress();
    const remaining = [];
    for (const current of [undefined, fault, undefined, fault]) {
      if (current) rest().faults.set({ ...current, times: 1 });
      remaining.push(remainingOf(await gateway.send("/five", { from })));
    }
    expect(remaining).toEqual([4, 3, 2, 1]);
  });

  it.each(HARMFUL.filter(({ kind }) => kind !== "hang" && kind !== "delay"))(
    "knows exactly what was executed after $kind",
    async (fault) => {
      const from = newAddress();
      expect(remainingOf(await gateway.send("/five", { from }))).toBe(4);
      rest().faults.set({ ...fault, times: 1 });
      await rest().resetStats();
      const answer = await gateway.send("/five", { from });
      expect([answer.status, isCounted(answer), rest().requests]).toEqual([200, false, 1]);
      const remaining = [];
      for (let i = 0; i < 2; i++) remaining.push(remainingOf(await gateway.send("/five", { from })));
      expect(remaining).toEqual(EXECUTED.includes(fault.kind) ? [2, 1] : [3, 2]);
    },
  );

  it.each([
    ["is killed and starts again, empty", 2],
    ["cannot be reached for a while", 1],
  ])("stays within its bounds under load when the Redis %s", async (what, lives) => {
    const redis = redisOf(gateway);
    const [goes, comes] =
      lives === 2
        ? [redis.killRedis, redis.restartRedis]
        : [() => rest().faults.set({ kind: "reset" }), () => rest().faults.clear()];
    const load = startLoad(gateway, 4, 4_000);
    await load.until(({ length }) => length >= 20);
    await goes();
    const whileAway = load.addCaller();
    await load.until((answers) => answers.filter(({ from }) => from === whileAway).length >= 25);
    await comes();
    const whenBack = load.addCaller();
    await load.until((answers) => answers.some(({ from, counted }) => from === whenBack && counted));
    const answers = await load.stop();

    expect(answers.filter(({ status }) => status !== 200 && status !== 429)).toEqual([]);
    for (const [from, own] of Map.groupBy(answers, (answer) => answer.from)) {
      const admitted = own.filter(({ status }) => status === 200);
      const counted = admitted.filter((answer) => answer.counted);
      const context = `${from} while the Redis ${what}`;
      expect(counted.length, context).toBeLessThanOrEqual(20 * lives);
      expect(admitted.length - counted.length, context).toBeLessThanOrEqual(20);
    }
    const away = answers.filter(({ from, counted }) => from === whileAway && !counted);
    expect(away.length).toBeGreaterThan(0);
    const from = newAddress();
    const remaining = [];
    for (let i = 0; i < 3; i++) remaining.push(remainingOf(await gateway.send("/load", { from })));
    expect(remaining).toEqual([19, 18, 17]);
  });
});

describe("a call that takes too long", () => {
  it("is broken off", async () => {
    let brokenOff: () => void = () => {};
    const breaking = new Promise<void>((done) => {
      brokenOff = done;
    });
    const silent = createServer((request) => request.socket.once("close", brokenOff)).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const origin = await startOrigin();
    const weir = await startWorker({
      vars: {
        ORIGIN: origin.url,
        STORE: "upstash",
        UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${port}`,
        UPSTASH_REDIS_REST_TOKEN: "test-token",
        STORE_TIMEOUT: `${SHORT_TIMEOUT_MS}ms`,
        ON_STORE_ERROR: "open",
      },
    });
    // When a request ends, so do its calls: this one goes on.
    const leaving = new AbortController();
    const going = fetch(`${weir.url}/hang`, { signal: leaving.signal });
    // Fails by the time limit of the test.
    await breaking;
    leaving.abort();
    await expect(going).rejects.toThrow();
    await weir.stop();
    await origin.close();
    silent.close();
    silent.closeAllConnections();
  });
});

interface LoadAnswer {
  readonly from: string;
  readonly status: number;
  readonly counted: boolean;
}

/** Callers in turn over some connections, until it is stopped or has sent its most. */
function startLoad(gateway: Gateway, connections: number, most: number) {
  const callers = Array.from({ length: 10 }, newAddress);
  const answers: LoadAnswer[] = [];
  let sent = 0;
  let isOver = false;
  const senders = Array.from({ length: connections }, async () => {
    while (!isOver && sent < most) {
      sent += 1;
      const from = callers[sent % callers.length] ?? "";
      const answer = await gateway.send("/load", { from });
      await answer.text();
      answers.push({ from, status: answer.status, counted: isCounted(answer) });
      await sleep(10);
    }
  });
  return {
    addCaller(): string {
      const from = newAddress();
      // Asked more often than the others, so that there is something to see of it.
      callers.push(from, from, from, from);
      return from;
    },
    async until(isSo: (answers: readonly LoadAnswer[]) => boolean): Promise<void> {
      while (!isSo(answers)) {
        expect(sent).toBeLessThan(most);
        await sleep(10);
      }
    },
    async stop(): Promise<readonly LoadAnswer[]> {
      isOver = true;
      await Promise.all(senders);
      return answers;
    },
  };
}
