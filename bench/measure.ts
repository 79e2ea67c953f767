import { setTimeout as sleep } from "node:timers/promises";
import type { RunningWorker } from "../test/support/workerd.ts";
import type { Contestant } from "./contestants.ts";
import { cpuTimeMs } from "./cpu-time.ts";
import type { Load } from "./load.ts";

/** Work that outlives the answers, such as writing to disk, belongs to the round too. */
const SETTLE_MS = 100;

export interface Runner {
  readonly contestant: Contestant;
  readonly worker: RunningWorker;
}

/** One Worker in one round. */
export interface Sample {
  readonly cpuMs: number;
  readonly elapsedMs: number;
}

/** Sends a round of requests to one Worker. Rejects when an answer is other than it should be. */
export async function measure({ contestant, worker }: Runner, load: Load, requests: number): Promise<Sample> {
  const startCpuMs = cpuTimeMs(worker.pid);
  const startMs = performance.now();
  const answers = await load.send(worker.url, requests, contestant.extra);
  const elapsedMs = performance.now() - startMs;
  if (answers.get(contestant.answer) !== requests) {
    const found = [...answers].map(([kind, count]) => `${count} x ${kind}`).join(", ");
    throw new Error(`(${contestant.id}) answered ${found}, instead of only ${contestant.answer}`);
  }
  await sleep(SETTLE_MS);
  return { cpuMs: cpuTimeMs(worker.pid) - startCpuMs, elapsedMs };
}
