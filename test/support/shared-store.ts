import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { startLocalRedis, testedStore } from "./local-store.ts";
import { startOrigin } from "./origin.ts";
import { type RunningWorker, startWorker, type WorkerOptions } from "./workerd.ts";

/**
 * For one test: starts Workers that share what they count. On Durable Objects one after the other, when the one before is dead:
 * they live inside one process.
 */
export async function shareStore(vars: WorkerOptions["vars"]): Promise<() => Promise<RunningWorker>> {
  const origin = await startOrigin();
  const storage = await mkdtemp(join(tmpdir(), "weir-shared-"));
  const redis = testedStore === "upstash" ? await startLocalRedis() : undefined;
  const workers: RunningWorker[] = [];
  onTestFinished(async () => {
    for (const worker of workers) await worker.stop();
    await origin.close();
    await redis?.stop();
    await rm(storage, { recursive: true, force: true });
  });
  return async () => {
    const worker = await startWorker({ storage, vars: { ORIGIN: origin.url, ...redis?.vars, ...vars } });
    workers.push(worker);
    return worker;
  };
}
