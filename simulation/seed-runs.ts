import { runWorld, type WorldOptions } from "./world.ts";

/** What became of the seeds that one thread ran. */
export interface Tally {
  readonly done: number;
  /** How often things happened, summed over all worlds. */
  readonly totals: Readonly<Record<string, number>>;
  /** The first seed with a broken promise, and what led to it. */
  readonly failure: Failure | undefined;
}

export interface Failure {
  readonly seed: number;
  readonly text: string;
  /** The last lines about the key. */
  readonly lines: readonly string[];
}

/** The seeds from `from` on, every `step`th of them, below `to`. */
export interface SeedRange {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

const SHORT_HISTORY = 40;

/** Runs worlds until one breaks a promise. `onProgress` hears of every world. */
export async function runSeeds(
  { from, to, step }: SeedRange,
  onProgress: (done: number) => void = () => {},
  options: WorldOptions = {},
): Promise<Tally> {
  const totals: Record<string, number> = {};
  let done = 0;
  for (let seed = from; seed < to; seed += step) {
    const { census, failure } = await runSeed(seed, SHORT_HISTORY, options);
    for (const [what, times] of census) totals[what] = (totals[what] ?? 0) + times;
    onProgress(++done);
    if (failure) return { done, totals, failure };
  }
  return { done, totals, failure: undefined };
}

/** @param lines how much of the history to keep of a failure */
async function runSeed(seed: number, lines: number, options: WorldOptions) {
  const { violations, census, history } = await runWorld(seed, options);
  const [first] = violations;
  if (!first) return { census: census.totals(), failure: undefined };
  const { promise, key, text } = first;
  const led = history.lines(key === "-" ? undefined : key);
  const end = led.findIndex((line) => line.includes("BROKEN")) + 1;
  const failure: Failure = {
    seed,
    text: `promise ${promise} is broken: ${text}`,
    lines: led.slice(Math.max(0, end - lines), end),
  };
  return { census: census.totals(), failure };
}
