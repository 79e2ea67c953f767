import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LONG_TIMEOUT } from "../support/ladder.ts";
import { type RunningRedis, startLocalRedis } from "../support/local-store.ts";
import { type Origin, startOrigin } from "../support/origin.ts";
import { connect, refusalFrame, type SocketClient } from "../support/socket-client.ts";
import { type RunningWorker, startWorker } from "../support/workerd.ts";

const POLICIES = [
  { name: "connections", key: "header:x-user-id", on: "connection", limit: "5 concurrent" },
  { name: "minute", match: "/minute", key: "header:x-user-id", on: "message", limit: "100/minute" },
  {
    name: "steady",
    match: "/steady",
    key: "header:x-user-id",
    on: "message",
    limit: "100/4s",
    strikes: 100_000,
  },
];
const RENEW_MS = 300;
const EXPIRY_MS = 1_200;
/** How much sooner or later than at the store a message may be seen at the origin. */
const SLACK_MS = 300;

// Two Workers share a store only over the network: the objects of workerd live inside one process.
describe("the sockets of one user in two Workers on one Redis", () => {
  let workers: RunningWorker[] = [];
  let redis: RunningRedis | undefined;
  let origin: Origin;
  beforeAll(async () => {
    origin = await startOrigin();
    redis = await startLocalRedis();
    const vars = { ORIGIN: origin.url, ...redis.vars, POLICIES, STORE_TIMEOUT: LONG_TIMEOUT };
    workers = await Promise.all([startWorker({ vars }), startWorker({ vars })]);
  });
  afterAll(async () => {
    for (const worker of workers) await worker.stop();
    await redis?.stop();
    await origin?.close();
  });

  const attempt = (worker: number, path: string, user: string) =>
    connect(workers[worker]?.url + path, { headers: { "X-User-Id": user } });
  async function openBoth(path: string, user: string): Promise<[SocketClient, SocketClient]> {
    const [one, other] = await Promise.all([attempt(0, path, user), attempt(1, path, user)]);
    return [one.socket as SocketClient, other.socket as SocketClient];
  }

  it("are five together, and one that closes in one of them makes room in the other", async () => {
    const found = [];
    for (const worker of [0, 1, 0, 1, 0]) found.push(await attempt(worker, "/", "many-sockets"));
    for (const worker of [0, 1])
      expect((await attempt(worker, "/", "many-sockets")).refused?.status).toBe(429);
    await found[0]?.socket?.close();
    await expect
      .poll(async () => {
        const next = await attempt(1, "/", "many-sockets");
        found.push(next);
        return next.refused?.status;
      })
      .toBe(undefined);
    expect((await attempt(0, "/", "many-sockets")).refused?.status).toBe(429);
    for (const { socket } of found) socket?.vanish();
  });

  it("keep their slots through an outage longer than their expiry", { timeout: 20_000 }, async () => {
    const renewing = await startWorker({
      vars: {
        ORIGIN: origin.url,
        ...redis?.vars,
        POLICIES,
        STORE_TIMEOUT: "300ms",
        SLOT_RENEW: `${RENEW_MS}ms`,
        SLOT_EXPIRY: `${EXPIRY_MS}ms`,
      },
    });
    const attempt = () => connect(renewing.url, { headers: { "X-User-Id": "user-of-an-outage" } });
    const found = await Promise.all([attempt(), attempt(), attempt(), attempt(), attempt()]);
    expect(found.map(({ refused }) => refused?.status)).toEqual(Array(5).fill(undefined));
    redis?.rest.faults.set({ kind: "reset" });
    const startMs = performance.now();
    while (performance.now() - startMs < 2 * EXPIRY_MS) {
      expect((await attempt()).refused?.status).toBe(503);
      await sleep(100);
    }
    redis?.rest.faults.clear();
    // Two renewals later they count again, whenever new connections are let in.
    await sleep(2 * RENEW_MS);
    await expect.poll(async () => (await attempt()).refused?.status, { timeout: 8_000 }).toBe(429);
    for (let i = 0; i < 10; i++) expect((await attempt()).refused?.status).toBe(429);
    for (const { socket } of found) {
      socket?.send("still here");
      expect(await socket?.receive(1)).toEqual(["still here"]);
      socket?.vanish();
    }
    await renewing.stop();
  });

  it("share a hundred messages a minute, of which those held ahead may go unused", async () => {
    const both = await openBoth("/minute", "bursting-user");
    for (let i = 0; i < 100 && both.some(({ isOpen }) => isOpen); i++) {
      for (const socket of both) socket.send(...Array<string>(10).fill("message"));
      await sleep(20);
    }
    for (const { closed } of both) expect((await closed).code).toBe(1008);
    const passed = origin.heard.filter(({ url }) => url === "/minute").length;
    expect(passed).toBeLessThanOrEqual(100);
    expect(passed).toBeGreaterThanOrEqual(90);
  });

  it("never pass more than the limit within any window, and nearly as much", {
    timeout: 20_000,
  }, async () => {
    const both = await openBoth("/steady", "steady-user");
    const startMs = performance.now();
    while (performance.now() - startMs < 12_000) {
      // As much as the limit by each of them: half of it has to be refused.
      for (const socket of both) socket.send("message");
      await sleep(40);
    }
    const sent = both.reduce((sum, { received }) => sum + received.length, 0);
    const refused = both.reduce((sum, { received }) => sum + received.filter(refusalFrame).length, 0);
    const times = origin.heard.filter(({ url }) => url === "/steady").map(({ atMs }) => atMs);
    const inWindow = times.map(
      (end, i) => times.slice(0, i + 1).filter((at) => at > end - 4_000 + SLACK_MS).length,
    );
    expect(Math.max(...inWindow)).toBeLessThanOrEqual(100);
    expect(Math.min(sent, refused)).toBeGreaterThan(100);
    // Twelve seconds have room for three hundred.
    expect(times.length).toBeLessThanOrEqual(300 + 100);
    expect(times.length).toBeGreaterThan(225);
    for (const socket of both) socket.vanish();
  });
});
