import type { Asked } from "./contestants.ts";
import { RESOLUTION_MS } from "./cpu-time.ts";
import type { Sample } from "./measure.ts";
import { median, spread } from "./statistics.ts";
import { table } from "./table.ts";

/** A Worker with its samples, one for each round. */
export interface Row {
  readonly contestant: Asked;
  readonly samples: readonly Sample[];
}

/** The table. Ratios are to the first row, round by round. */
export function report(rows: readonly Row[], requests: number): string {
  const base = rows[0]?.samples ?? [];
  const lines = rows.map(({ contestant, samples }) => {
    const ratio = spread(samples.map(({ cpuMs }, i) => cpuMs / (base[i]?.cpuMs ?? 0)));
    return [
      `${contestant.id}  ${contestant.label}`,
      String(Math.round(median(samples.map(({ cpuMs }) => (cpuMs * 1_000) / requests)))),
      ratio.median.toFixed(2),
      `${ratio.min.toFixed(2)} - ${ratio.max.toFixed(2)}`,
      String(Math.round(median(samples.map(({ elapsedMs }) => (requests / elapsedMs) * 1_000)))),
    ];
  });
  const stepUs = (RESOLUTION_MS * 1_000) / requests;
  return [
    table([["Worker", "CPU us/request", "ratio to a", "min - max", "requests/s*"], ...lines]),
    "",
    `Medians of ${base.length} rounds of ${requests} requests. CPU time is read in steps of ${stepUs} us/request.`,
    "* For orientation only: the load and the origin share this machine's processors with the Workers.",
  ].join("\n");
}
