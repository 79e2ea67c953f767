import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { startWorker } from "../test/support/workerd.ts";
import type { Contestant } from "./contestants.ts";
import { createLoad } from "./load.ts";
import { measure, type Runner } from "./measure.ts";
import type { Options } from "./options.ts";
import type { Row } from "./report.ts";

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
  const origin = new Worker(new URL("./origin.ts", import.meta.url));
  const load = createLoad();
  const starting: Promise<Runner>[] = [];

  async function start(contestant: Contestant): Promise<Runner> {
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
    const [url] = (await once(origin, "message")) as [string];
    plan.progress("starting the Workers");
    starting.push(...plan.contestants(url).map(start));
    return await Promise.race([run(), interrupted]);
  } finally {
    load.close();
    const started = await Promise.allSettled(starting);
    const running = started.filter((result) => result.status === "fulfilled");
    await Promise.all(running.map(({ value }) => value.worker.stop()));
    await origin.terminate();
    await rm(folder, { recursive: true, force: true });
  }
}
