import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningWorker, startWorker } from "../test/support/workerd.ts";
import type { Contestant } from "./contestants.ts";
import { createLoad } from "./load.ts";
import { measure } from "./measure.ts";
import type { Options } from "./options.ts";
import type { Row } from "./report.ts";
import { startOrigin } from "./running-origin.ts";

interface Started {
  readonly contestant: Contestant;
  readonly worker: RunningWorker;
}

/** Where there is a file system in memory, no disk has a part in the figures. */
const MEMORY = "/dev/shm";

export interface Plan extends Options {
  /** The Workers to measure, in front of this origin. */
  readonly contestants: (origin: string) => readonly Contestant[];
  readonly progress: (step: string) => void;
}

/**
 * Measures every Worker in turn, round after round, so that a machine that slows down slows all of them.
 * Stops and removes what it started, also when `interrupted` rejects.
 */
export async function runRounds(plan: Plan, interrupted: Promise<never>): Promise<Row[]> {
  const folder = await mkdtemp(join(existsSync(MEMORY) ? MEMORY : tmpdir(), "weir-bench-"));
  const origin = await startOrigin();
  const load = createLoad();
  const starting: Promise<Started>[] = [];

  async function start(contestant: Contestant): Promise<Started> {
    const worker = await startWorker({ storage: join(folder, contestant.id), ...contestant.worker });
    return { contestant, worker };
  }

  async function run(): Promise<Row[]> {
    const runners = await Promise.all(starting);
    plan.progress("warm-up");
    // Also uses up what the Worker that refuses everything admits at first.
    for (const { worker, contestant } of runners)
      await load.send(worker.url, plan.requests, contestant.extra);
    const rows = runners.map((runner) => ({ ...runner, samples: [] as Row["samples"][number][] }));
    for (let round = 1; round <= plan.rounds; round++) {
      plan.progress(`round ${round} of ${plan.rounds}`);
      for (const row of rows) row.samples.push(await measure(row, load, plan.requests));
    }
    return rows;
  }

  try {
    plan.progress("starting the Workers");
    starting.push(...plan.contestants(origin.url).map(start));
    return await Promise.race([run(), interrupted]);
  } finally {
    load.close();
    const started = await Promise.allSettled(starting);
    const running = started.filter((result) => result.status === "fulfilled");
    await Promise.all(running.map(({ value }) => value.worker.stop()));
    await origin.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
