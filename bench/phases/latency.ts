import { setTimeout as sleep } from "node:timers/promises";
import { CALLERS, createLoad, type Load } from "../load.ts";
import { sendAll } from "../measure.ts";
import type { Performer } from "../stage.ts";
import { percentile } from "../statistics.ts";

/** Far from what one Worker can do, so that what is measured is waiting, not queueing. */
const REQUESTS_PER_SECOND = 150;
const CONNECTIONS = 64;

export interface LatencyPlan {
  readonly rounds: number;
  readonly seconds: number;
  readonly step: (done: number, text: string) => void;
}

/** Milliseconds of one round. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
}

/** How long callers of each row wait: requests leave at an even pace, whether others were answered or not. */
export async function measureLatency(
  performers: readonly Performer[],
  plan: LatencyPlan,
): Promise<ReadonlyMap<string, readonly Latency[]>> {
  const load = createLoad(CONNECTIONS);
  const rows = new Map(performers.map(({ contestant }) => [contestant.id, [] as Latency[]]));
  try {
    for (let round = 0; round < plan.rounds; round++) {
      for (const [i, performer] of performers.entries()) {
        const { id } = performer.contestant;
        plan.step(
          (round + i / performers.length) / plan.rounds,
          `round ${round + 1} of ${plan.rounds}, ${id}`,
        );
        await sendAll(performer, load, CALLERS);
        const waits = await sendEvenly(performer, load, plan.seconds * REQUESTS_PER_SECOND);
        rows.get(id)?.push({ p50: percentile(waits, 0.5), p99: percentile(waits, 0.99) });
      }
    }
  } finally {
    load.close();
  }
  return rows;
}

/** Milliseconds until each answer. Rejects when one is other than it should be. */
async function sendEvenly(
  { contestant, worker }: Performer,
  load: Load,
  requests: number,
): Promise<number[]> {
  const startMs = performance.now();
  const waits: Promise<number>[] = [];
  for (let i = 0; i < requests; i++) {
    await sleep(Math.max(0, startMs + (i * 1_000) / REQUESTS_PER_SECOND - performance.now()));
    waits.push(waitFor(i % CALLERS));
  }
  return await Promise.all(waits);

  async function waitFor(caller: number): Promise<number> {
    const sentMs = performance.now();
    const answer = await load.one(worker.url, caller, await contestant.extra?.(caller));
    if (answer !== contestant.answer)
      throw new Error(`(${contestant.id}) answered ${answer}, instead of ${contestant.answer}`);
    return performance.now() - sentMs;
  }
}
