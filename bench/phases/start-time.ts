import { type Contender, NEVER_REACHED } from "../contenders.ts";
import { createLoad } from "../load.ts";
import type { Stage } from "../stage.ts";

export interface StartPlan {
  readonly rounds: number;
  readonly step: (done: number, text: string) => void;
}

/** Milliseconds from starting the process to its first answer, for each row: one for each round, in turns. */
export async function measureStarts(
  stage: Stage,
  contenders: readonly Contender[],
  plan: StartPlan,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const rows = new Map(contenders.map(({ id }) => [id, [] as number[]]));
  for (let round = 0; round < plan.rounds; round++) {
    for (const [i, contender] of contenders.entries()) {
      const { id } = contender;
      plan.step((round + i / contenders.length) / plan.rounds, `round ${round + 1} of ${plan.rounds}, ${id}`);
      rows.get(id)?.push(await firstAnswerMs(stage, contender));
    }
  }
  return rows;
}

async function firstAnswerMs(stage: Stage, contender: Contender): Promise<number> {
  const load = createLoad(1);
  const startMs = performance.now();
  const { worker } = await stage.start(contender, { limit: NEVER_REACHED });
  try {
    await load.one(worker.url, 0, await contender.extra?.(0));
    return performance.now() - startMs;
  } finally {
    load.close();
    await worker.stop();
  }
}
