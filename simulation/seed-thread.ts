import { parentPort, workerData } from "node:worker_threads";
import { runSeeds, type SeedRange, type Tally } from "./seed-runs.ts";

/** What a thread tells, now and then and at its end. */
export interface ThreadReport {
  readonly done: number;
  readonly tally?: Tally;
}

const REPORT_EVERY = 20;

const report = (message: ThreadReport) => parentPort?.postMessage(message);

const tally = await runSeeds(workerData as SeedRange, (done) => {
  if (done % REPORT_EVERY === 0) report({ done });
});
report({ done: tally.done, tally });
