import type { Loot } from "./adversaries.ts";
import type { Verdict } from "./reach.ts";
import type { CpuFigures, Result } from "./results.ts";
import type { Spread } from "./statistics.ts";

const NOTHING = "-";

/** The results of a run. Markdown. */
export function mainTable(results: readonly Result[]): string {
  const delays = [...new Set(results.flatMap(({ cpu }) => Object.keys(cpu).map(Number)))].toSorted(
    (one, other) => one - other,
  );
  return markdownTable([
    [
      "",
      ...delays.map((ms) => `CPU to forwarding, store delay ${ms} ms`),
      "CPU added, us",
      "store calls",
      "Redis commands, + EVALSHA",
      "added p50 / p99, ms",
      "most admitted of 10",
      "forgotten: silence / restart",
      "bundle, KiB",
      "start, ms",
    ],
    ...results.map((result) => [
      result.label,
      ...delays.map((ms) => ratioText(result.cpu[ms])),
      result.cpu[0] ? result.cpu[0].addedUs.median.toFixed(0) : NOTHING,
      ...otherCells(result),
    ]),
  ]);
}

function otherCells(result: Result): string[] {
  const { calls, addedMs, admitted, forgotten, bundleBytes, start } = result;
  return [
    calls ? shortNumber(calls.store) : NOTHING,
    calls && calls.commands > 0 ? `${shortNumber(calls.commands)} + ${shortNumber(calls.scripts)}` : NOTHING,
    addedMs ? `${addedMs.p50.toFixed(1)} / ${addedMs.p99.toFixed(1)}` : NOTHING,
    admitted ? lootText(Object.values(admitted)) : NOTHING,
    forgotten
      ? `${share(forgotten.silence, forgotten.keys)} / ${share(forgotten.restart, forgotten.keys)}`
      : NOTHING,
    bundleBytes === undefined ? NOTHING : (bundleBytes / 1_024).toFixed(1),
    start ? `${start.ms.median.toFixed(0)} (${start.ratio.median.toFixed(2)} x)` : NOTHING,
  ];
}

export function reachTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.flatMap((verdict) =>
    verdict.goals.map(({ what, wanted, found, spread, unit, reached }, i) => [
      i === 0 ? verdict.case : "",
      what,
      `${wanted}${unit}`,
      `${shortNumber(found)}${unit}${spread ? ` (${range(spread)})` : ""}`,
      reached ? "yes" : `**no**${beyond(found, wanted)}`,
    ]),
  );
  return markdownTable([["case", "what", "at most", "found", "reached"], ...rows]);
}

function lootText(loots: readonly Loot[]): string {
  const failed = loots.reduce((sum, loot) => sum + loot.failed, 0);
  const most = Math.max(...loots.map((loot) => loot.most));
  return failed > 0 ? `${most} (${failed} failed)` : String(most);
}

/** How far off it is. */
const beyond = (found: number, wanted: number): string =>
  wanted > 0 ? `, by ${((found / wanted - 1) * 100).toFixed(0)} %` : "";

const ratioText = (figures: CpuFigures | undefined): string =>
  figures ? `${figures.ratio.median.toFixed(2)} (${range(figures.ratio)})` : NOTHING;

const range = ({ min, max }: Spread): string => `${min.toFixed(2)} - ${max.toFixed(2)}`;

const share = (part: number, whole: number): string => (part === 0 ? "0" : `${part} of ${whole}`);

/** Two digits after the point, without zeros at the end. */
const shortNumber = (value: number): string => String(Math.round(value * 100) / 100);

export function markdownTable(rows: readonly (readonly string[])[]): string {
  const [heading = [], ...others] = rows;
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(heading), line(heading.map(() => "---")), ...others.map(line)].join("\n");
}
