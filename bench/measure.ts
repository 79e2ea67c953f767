import { setTimeout as sleep } from "node:timers/promises";
import type { RunningWorker } from "../test/support/workerd.ts";
import type { Asked } from "./contestants.ts";
import { cpuTimeMs } from "./cpu-time.ts";
import type { Load } from "./load.ts";

/** Work that outlives the answers, such as writing to disk, belongs to the round too. */
const SETTLE_MS = 100;

export interface Runner {
  readonly contestant: Asked;
  readonly worker: Pick<RunningWorker, "url" | "pid">;
}

/** One Worker in one round. */
export interface Sample {
  readonly cpuMs: number;
  readonly elapsedMs: number;
}

/** Sends a round of requests to one Worker. Rejects when an answer is other than it should be. */
export async function measure(runner: Runner, load: Load, requests: number): Promise<Sample> {
  const { pid } = runner.worker;
  const startCpuMs = cpuTimeMs(pid);
  const startMs = performance.now();
  await sendAll(runner, load, requests);
  const elapsedMs = performance.now() - startMs;
  await sleep(SETTLE_MS);
  return { cpuMs: cpuTimeMs(pid) - startCpuMs, elapsedMs };
}

/** Sends requests to one Worker. Rejects when an answer is other than it should be. */
export async function sendAll({ contestant, worker }: Runner, load: Load, requests: number): Promise<void> {
  const answers = await load.send(worker.url, requests, contestant.extra);
  if (answers.get(contestant.answer) === requests) return;
  const found = [...answers].map(([kind, count]) => `${count} x ${kind}`).join(", ");
  throw new Error(`(${contestant.id}) answered ${found}, instead of only ${contestant.answer}`);
}
