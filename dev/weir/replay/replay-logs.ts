import type { Config } from "../../../src/config/config.ts";
import type { Entry } from "../log/entry.ts";
import type { FieldPaths } from "../log/json-fields.ts";
import type { LogFile } from "../log/lines.ts";
import { mergeByTime } from "../log/merge.ts";
import { noCounts, readLog } from "../log/read-log.ts";
import { BOUNDS } from "./bounds.ts";
import { type Comparison, compare, newComparison } from "./comparison.ts";
import { notesOn } from "./notes.ts";
import { createReplayer, type Replayer } from "./replayer.ts";
import type { LogSummary } from "./summary.ts";

/** A configuration under its name. */
export interface Candidate {
  readonly name: string;
  readonly config: Config;
}

export interface ReplayOptions {
  readonly fields: FieldPaths;
  readonly slackMs: number;
  readonly maxKeys: number;
  /** Of entries that do not say theirs. */
  readonly host: string;
  /** Hears now and then how many lines were read. */
  readonly onProgress: (lines: number) => void;
}

export interface Replayed {
  readonly log: LogSummary;
  readonly runs: readonly {
    readonly name: string;
    readonly replayer: Replayer;
    readonly notes: readonly string[];
  }[];
  /** Of the first two. */
  readonly comparison: Comparison | undefined;
}

/** Reads logs once, from beginning to end, and runs every entry through each configuration. */
export async function replayLogs(
  files: readonly LogFile[],
  candidates: readonly Candidate[],
  { fields, slackMs, maxKeys, host, onProgress }: ReplayOptions,
): Promise<Replayed> {
  const counts = noCounts();
  const wantsHeaders = fields.has("header:user-agent") || fields.has("header:referer");
  const options = { fields, wantsHeaders, slackMs };
  const logs = files.map((file) => readLog(file, options, counts));
  const runs = candidates.map(({ name, config }) => ({
    name,
    config,
    replayer: createReplayer(config, { ...BOUNDS, keys: maxKeys }),
  }));
  const [first, second] = runs;
  const comparison = first && second ? newComparison([first.name, second.name]) : undefined;
  const seen = new Set<string>();
  let fromMs = Number.POSITIVE_INFINITY;
  let toMs = Number.NEGATIVE_INFINITY;

  for await (const batch of mergeByTime(logs)) {
    for (const read of batch) {
      const entry: Entry = read.host === "" && host !== "" ? { ...read, host } : read;
      if (entry.timeMs < fromMs) fromMs = entry.timeMs;
      if (entry.timeMs > toMs) toMs = entry.timeMs;
      if (entry.values) for (const name of entry.values.keys()) seen.add(name);
      const one = first?.replayer.take(entry) ?? "unlimited";
      const verdict = one instanceof Promise ? await one : one;
      const other = second?.replayer.take(entry);
      if (other && comparison) compare(comparison, verdict, other instanceof Promise ? await other : other);
    }
    onProgress(counts.lines);
  }

  for (const { replayer } of runs) replayer.end();
  const { lines, broken, shown, late, byFormat } = counts;
  return {
    log: { lines, broken, first_broken: shown, late, formats: byFormat, from: iso(fromMs), to: iso(toMs) },
    runs: runs.map(({ name, config, replayer }) => ({
      name,
      replayer,
      notes: notesOn(config, replayer, seen, maxKeys),
    })),
    comparison,
  };
}

const iso = (ms: number): string | null => (Number.isFinite(ms) ? new Date(ms).toISOString() : null);
