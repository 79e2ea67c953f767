import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { runCommand } from "../bench/command.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";
import type { Failure, SeedRange, Tally } from "./seed-runs.ts";
import type { ThreadReport } from "./seed-thread.ts";
import { runWorld } from "./world.ts";

// Threads end with the process.
await runCommand(USAGE, parseOptions, (options, interrupted) => Promise.race([run(options), interrupted]));

async function run(options: Options): Promise<number> {
  if (options.kind === "seed") return replay(options.seed, options.verbose);
  if (options.kind === "seeds") return runAll(options);
  const { reportWorldScale } = await import("./world-scale/report.ts");
  return reportWorldScale(options.seconds);
}

/** Returns the exit status: 1 when a promise is broken. */
async function replay(seed: number, verbose: boolean): Promise<number> {
  const { plan, violations, history, census } = await runWorld(seed);
  console.log(`seed ${seed}: ${JSON.stringify(plan, null, verbose ? 2 : 0)}`);
  const [first] = violations;
  const key = first && first.key !== "-" ? first.key : undefined;
  const lines = verbose ? history.lines() : history.lines(key);
  const end = verbose ? lines.length : lines.findIndex((line) => line.includes("BROKEN")) + 1 || lines.length;
  for (const line of lines.slice(verbose ? 0 : Math.max(0, end - 60), end)) console.log(line);
  if (verbose) console.log(Object.fromEntries(census.totals()));
  console.log(first ? `promise ${first.promise} is broken: ${first.text}` : "no promise is broken");
  return first ? 1 : 0;
}

async function runAll({ from, seeds, threads }: Extract<Options, { kind: "seeds" }>): Promise<number> {
  const startMs = performance.now();
  const done = new Array<number>(threads).fill(0);
  let shownMs = startMs;
  const sum = () => done.reduce((all, one) => all + one, 0);
  const showProgress = (): void => {
    if (performance.now() - shownMs < 1_000) return;
    shownMs = performance.now();
    console.error(progressLine(sum(), seeds, (shownMs - startMs) / 1_000));
  };
  const workers: Worker[] = [];
  const tallies = done.map((_, i) => {
    const range: SeedRange = { from: from + i, to: from + seeds, step: threads };
    const worker = new Worker(new URL("./seed-thread.ts", import.meta.url), { workerData: range });
    workers.push(worker);
    return tallyOf(worker, (own) => {
      done[i] = own;
      showProgress();
    });
  });
  const ended = await Promise.race([
    Promise.all(tallies),
    // The first failure ends it all.
    ...tallies.map(async (tally) => ((await tally).failure ? [await tally] : new Promise<never>(() => {}))),
  ]);
  await Promise.all(workers.map((worker) => worker.terminate()));
  const seconds = (performance.now() - startMs) / 1_000;
  const failure = ended.find((tally) => tally.failure)?.failure;
  if (failure) return showFailure(failure);
  console.log(
    `${sum()} seeds in ${seconds.toFixed(0)} s, ${(sum() / seconds).toFixed(0)} a second; no promise is broken`,
  );
  for (const [what, times] of totalsOf(ended)) console.log(`  ${what.padEnd(36)} ${times}`);
  return 0;
}

async function tallyOf(worker: Worker, onDone: (done: number) => void): Promise<Tally> {
  const failed = once(worker, "error").then(([error]) => Promise.reject(error));
  for (;;) {
    const [report] = (await Promise.race([once(worker, "message"), failed])) as [ThreadReport];
    onDone(report.done);
    if (report.tally) return report.tally;
  }
}

function progressLine(done: number, seeds: number, seconds: number): string {
  const perSecond = done / seconds;
  const left = perSecond > 0 ? `${((seeds - done) / perSecond).toFixed(0)} s left` : "";
  return `${done} of ${seeds} seeds, ${perSecond.toFixed(0)} a second, ${left}`;
}

function totalsOf(tallies: readonly Tally[]): [string, number][] {
  const sums = new Map<string, number>();
  for (const { totals } of tallies)
    for (const [what, times] of Object.entries(totals)) sums.set(what, (sums.get(what) ?? 0) + times);
  return [...sums].toSorted(([one], [other]) => one.localeCompare(other));
}

function showFailure({ seed, text, lines }: Failure): number {
  for (const line of lines) console.log(line);
  console.log(`seed ${seed}: ${text}\nnpm run simulate -- --seed ${seed} --verbose shows all of it`);
  return 1;
}
