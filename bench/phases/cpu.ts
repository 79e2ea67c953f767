import { CALLERS, createLoad } from "../load.ts";
import { measure, sendAll } from "../measure.ts";
import type { Performer } from "../stage.ts";

export interface CpuPlan {
  readonly rounds: number;
  readonly requests: number;
  /** Called before each row of each round. */
  readonly step: (done: number, text: string) => void;
}

/** CPU time for each request, microseconds, of each row: one for each round. */
export type CpuSamples = ReadonlyMap<string, readonly number[]>;

/**
 * Lets every Worker answer the same requests in turn, round after round, so that a machine that slows down slows all of
 * them. Before each turn every caller comes once, uncounted: as on a busy site, its object is awake and what may
 * be known of it is known.
 */
export async function measureCpu(performers: readonly Performer[], plan: CpuPlan): Promise<CpuSamples> {
  const load = createLoad();
  const samples = new Map(performers.map(({ contestant }) => [contestant.id, [] as number[]]));
  try {
    // Compiles what a Worker runs often, and uses up what the one that refuses everything admits.
    for (const { worker, contestant } of performers)
      await load.send(worker.url, plan.requests, contestant.extra);
    for (let round = 0; round < plan.rounds; round++) {
      for (const [i, performer] of performers.entries()) {
        const { id } = performer.contestant;
        plan.step(
          (round + i / performers.length) / plan.rounds,
          `round ${round + 1} of ${plan.rounds}, ${id}`,
        );
        await sendAll(performer, load, CALLERS);
        const { cpuMs } = await measure(performer, load, plan.requests);
        samples.get(id)?.push((cpuMs * 1_000) / plan.requests);
      }
    }
  } finally {
    load.close();
  }
  return samples;
}
