import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sendBurst } from "../support/instances.ts";
import { type RunningRedis, startLocalRedis } from "../support/local-store.ts";
import { type Origin, startOrigin } from "../support/origin.ts";
import { type RunningWorker, startWorker } from "../support/workerd.ts";

const INSTANCES = 3;

// Durable Objects live inside their workerd process, so several processes share them only on Cloudflare.
describe("three instances that share one Redis", () => {
  let origin: Origin;
  let redis: RunningRedis;
  let workers: RunningWorker[] = [];

  beforeAll(async () => {
    origin = await startOrigin();
    redis = await startLocalRedis();
    const vars = {
      ...redis.vars,
      ORIGIN: origin.url,
      // A slow machine must not look like a failed store.
      STORE_TIMEOUT: "10s",
      POLICIES: [{ name: "burst", key: "header:x-user-id", limit: "100/minute" }],
    };
    workers = await Promise.all(Array.from({ length: INSTANCES }, () => startWorker({ vars })));
  });
  afterAll(async () => {
    for (const worker of workers) await worker.stop();
    await origin?.close();
    await redis?.stop();
  });

  it("admit exactly the limit of a burst over 50 connections", async () => {
    const urls = workers.map(({ url }) => url);
    const burst = { requests: 300, connections: 50, path: "/", caller: "someone" };
    const { answers, elapsedMs } = await sendBurst(urls, burst);
    expect(elapsedMs).toBeLessThan(60_000);
    expect(Object.fromEntries(answers)).toEqual({ allowed: 100, refused: 200 });
    expect(origin.seen).toHaveLength(100);
  });
});
