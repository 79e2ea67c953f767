import { progress } from "../../bench/command.ts";
import { runApproximate } from "./approximate.ts";
import { runBotnet } from "./botnet.ts";
import { runFleet } from "./fleet.ts";
import type { Measured } from "./meter.ts";
import { type Run, writePlots } from "./plots.ts";
import { PLATFORM, SCENARIO } from "./scenario.ts";

const FOLDER = "docs/simulation";
const PROGRESS_SECONDS = 10;
const EXACT_SECONDS = 36;
/** The window, the longest that permits are held, and the slice in which they are written. */
const CYCLE_SECONDS = 60 + 10 + 0.551;

/** Runs the scenario at world scale, prints its figures as Markdown and writes the plots. Returns the exit status. */
export async function reportWorldScale(seconds: number): Promise<number> {
  const onSecond = (name: string) => (second: number) => {
    if (second % PROGRESS_SECONDS === 0) progress(`${name}: ${second} of ${seconds} simulated seconds`);
  };
  const runs: Run[] = [
    { name: "leased", measured: await runFleet(true, seconds, onSecond("leased")) },
    { name: "each place for itself", measured: runApproximate(seconds) },
    // Overloaded from the first seconds on, and slow to simulate.
    { name: "exact", measured: await runFleet(false, EXACT_SECONDS, onSecond("exact")) },
  ];
  for (const line of tableOf(runs)) console.log(line);
  console.log();
  for (const line of await botnetLines()) console.log(line);
  for (const path of writePlots(runs, FOLDER)) progress(`wrote ${path}`);
  return 0;
}

const HEAD = [
  "way",
  "decisions without a store call",
  "calls a second at the object: mean, most, most while traffic grew",
  "added ms: p50, p99",
  "let through, of the limit",
  "let through too much in a window",
  "by the failure ladder",
  "$ per million requests",
];

function tableOf(runs: readonly Run[]): string[] {
  const rows = runs.map(({ name, measured }) => {
    const { addedMs, withoutCall, uncounted, fullestWindow } = measured;
    const all = sum(addedMs);
    const calls = settled(measured.calls);
    const full = (SCENARIO.limit / SCENARIO.windowMs) * 1_000 * calls.length;
    return [
      name,
      `${((100 * withoutCall) / all).toFixed(2)} %`,
      `${(sum(calls) / calls.length).toFixed(0)}, ${Math.max(...calls)}, ${Math.max(...measured.calls)}`,
      `${quantile(addedMs, 0.5)}, ${quantile(addedMs, 0.99)}`,
      `${((100 * sum(settled(measured.admitted))) / full).toFixed(1)} %`,
      `${Math.max(0, fullestWindow - SCENARIO.limit)}`,
      `${uncounted}`,
      costPerMillion(measured).toFixed(4),
    ];
  });
  return [HEAD, HEAD.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
}

/**
 * Without what it took to get going: the first window, or in a shorter run the rise. Whole cycles only: what is let
 * through at once comes back at once, a window and the time of holding later.
 */
function settled(list: readonly number[]): readonly number[] {
  const windowSeconds = SCENARIO.windowMs / 1_000;
  if (list.length < windowSeconds + CYCLE_SECONDS) return list.slice(SCENARIO.riseMs / 1_000);
  const cycles = Math.floor((list.length - windowSeconds) / CYCLE_SECONDS);
  return list.slice(windowSeconds, Math.round(windowSeconds + cycles * CYCLE_SECONDS));
}

const sum = (list: readonly number[]) => list.reduce((all, one) => all + one, 0);

function quantile(counts: readonly number[], part: number): number {
  const wanted = sum(counts) * part;
  let seen = 0;
  return counts.findIndex((times) => {
    seen += times;
    return seen >= wanted;
  });
}

/** Of what the object costs in the settled time; the requests themselves cost the same whatever decides. */
function costPerMillion(measured: Measured): number {
  const [calls, rows, offered] = [measured.calls, measured.rows, measured.offered].map((list) =>
    sum(settled(list)),
  ) as [number, number, number];
  const { perMillionCalls, perMillionRows, perMillionSeconds } = PLATFORM;
  const awakeSeconds = calls > 0 ? settled(measured.calls).length : 0;
  return (calls * perMillionCalls + rows * perMillionRows + awakeSeconds * perMillionSeconds) / offered;
}

/** A million keys, each over its limit and asked for twice a second: those that come to one place with ten isolates; all at one isolate. */
async function botnetLines(): Promise<string[]> {
  const [spread, all] = [await runBotnet(3_333, 0.2, 60), await runBotnet(1_000_000, 0.02, 60)];
  return [
    "| botnet: keys at one isolate | requests | answered from memory | heap after a tenth, after all |",
    "| --- | --- | --- | --- |",
    ...[spread, all].map(
      ({ keys, requests, known, earlyBytes, lateBytes }) =>
        `| ${keys} | ${requests} | ${((100 * known) / requests).toFixed(1)} % | ${mebibytes(earlyBytes)}, ${mebibytes(lateBytes)} |`,
    ),
  ];
}

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
