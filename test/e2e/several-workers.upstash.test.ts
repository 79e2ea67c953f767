import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newAddress } from "../support/gateway.ts";
import { LONG_TIMEOUT, remainingOf } from "../support/ladder.ts";
import { type RunningRedis, startLocalRedis } from "../support/local-store.ts";
import { type Origin, startOrigin } from "../support/origin.ts";
import { BUNDLE, type RunningWorker, startWorker } from "../support/workerd.ts";

const SKEW_MS = 10_000;
const POLICIES = [
  { name: "ten", match: "/ten", limit: "10/minute" },
  { name: "twenty", match: "/twenty", limit: "20/10s" },
  { name: "short", match: "/short", limit: "20/3s" },
];

// Two Workers share a store only over the network: the objects of workerd live inside one process.
describe("two Workers on one Redis, their clocks ten seconds apart", () => {
  const workers: RunningWorker[] = [];
  let redis: RunningRedis | undefined;
  let origin: Origin | undefined;
  let folder = "";
  const skewed = () => join(folder, "index.js");
  const vars = () => ({ ORIGIN: origin?.url, ...redis?.vars, POLICIES, STORE_TIMEOUT: LONG_TIMEOUT });

  beforeAll(async () => {
    origin = await startOrigin();
    redis = await startLocalRedis();
    folder = await mkdtemp(join(tmpdir(), "weir-skewed-"));
    await writeFile(skewed(), `${AHEAD}\n${await readFile(BUNDLE, "utf8")}`);
    for (const script of [BUNDLE, skewed()]) workers.push(await startWorker({ script, vars: vars() }));
  });
  afterAll(async () => {
    for (const worker of workers) await worker.stop();
    await redis?.stop();
    await origin?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const send = (worker: number, path: string, from: string) =>
    fetch(workers[worker]?.url + path, { headers: { "CF-Connecting-IP": from } });

  /** How many of so many requests at once, to both in turn, were admitted. */
  async function burst(requests: number, path: string, from: string): Promise<number> {
    const answers = await Promise.all(Array.from({ length: requests }, (_, i) => send(i % 2, path, from)));
    expect(answers.filter(({ status }) => status !== 200 && status !== 429)).toEqual([]);
    return answers.filter(({ status }) => status === 200).length;
  }

  it("continue one count", async () => {
    const from = newAddress();
    const remaining = [];
    for (const worker of [0, 1, 1, 0, 1]) remaining.push(remainingOf(await send(worker, "/ten", from)));
    expect(remaining).toEqual([9, 8, 7, 6, 5]);
  });

  it("admit exactly the limit of a hundred requests at once", async () => {
    for (let i = 0; i < 5; i++) expect(await burst(100, "/ten", newAddress())).toBe(10);
  });

  it("admit exactly the limit of bursts to both within a window", async () => {
    const from = newAddress();
    let admitted = 0;
    for (let i = 0; i < 4; i++) {
      admitted += await burst(14, "/twenty", from);
      await sleep(100);
    }
    expect(admitted).toBe(20);
  });

  it("have room again when a window has passed on the store's clock, for as much as before", async () => {
    const from = newAddress();
    expect(await burst(40, "/short", from)).toBe(20);
    await sleep(3_100);
    expect(await burst(40, "/short", from)).toBe(20);
  });

  it("tell callers the store's time and not their own", async () => {
    const ownTime = await startWorker({ script: skewed(), vars: { ...vars(), STORE: "local" } });
    const resetOf = async (url: string) =>
      Number((await fetch(`${url}/ten`)).headers.get("x-ratelimit-reset"));
    const [one = 0, other = 0] = await Promise.all(workers.map(({ url }) => resetOf(url)));
    expect(Math.abs(one - other)).toBeLessThan(SKEW_MS / 2_000);
    expect((await resetOf(ownTime.url)) - one).toBeGreaterThan(SKEW_MS / 2_000);
    await ownTime.stop();
  });
});

const AHEAD = `{ const now = Date.now; Date.now = () => now() + ${SKEW_MS}; }`;
