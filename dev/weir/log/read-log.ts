import { createCombinedReader } from "./combined.ts";
import type { Entry } from "./entry.ts";
import { createSorter } from "./in-order.ts";
import type { FieldPaths } from "./json-fields.ts";
import { createJsonReader } from "./json-lines.ts";
import { createLineSplitter, type LogFile } from "./lines.ts";

const MAX_SHOWN = 5;
const SHOWN_LENGTH = 120;

/** A line that is no request, with the reason. */
export interface BrokenLine {
  readonly file: string;
  /** From 1. */
  readonly number: number;
  readonly reason: string;
  /** Cut, with control characters escaped. */
  readonly text: string;
}

/** What was found in logs so far. */
export interface LogCounts {
  lines: number;
  readonly byFormat: Record<"combined" | "json", number>;
  broken: number;
  /** The first few. */
  readonly shown: BrokenLine[];
  /** Entries further out of order than the slack. */
  late: number;
}

export const noCounts = (): LogCounts => ({
  lines: 0,
  byFormat: { combined: 0, json: 0 },
  broken: 0,
  shown: [],
  late: 0,
});

export interface ReadOptions {
  readonly fields: FieldPaths;
  readonly wantsHeaders: boolean;
  /** How far lines may be out of order, milliseconds. */
  readonly slackMs: number;
}

/** The entries of one log in batches, in the order of their times. Each line may be in another format. */
export async function* readLog(
  file: LogFile,
  options: ReadOptions,
  counts: LogCounts,
): AsyncGenerator<Entry[]> {
  const readCombined = createCombinedReader(options.wantsHeaders);
  const readJson = createJsonReader(options.fields);
  const sorter = createSorter(options.slackMs);
  let number = 0;

  const splitter = createLineSplitter((line) => {
    number += 1;
    if (line.trim() === "") return;
    counts.lines += 1;
    const isJson = line.charCodeAt(0) === 0x7b || line.trimStart().startsWith("{");
    const read = isJson ? readJson(line) : readCombined(line);
    if (typeof read !== "string") {
      counts.byFormat[isJson ? "json" : "combined"] += 1;
      return sorter.add(read, line.length);
    }
    counts.broken += 1;
    if (counts.shown.length < MAX_SHOWN)
      counts.shown.push({ file: file.name, number, reason: read, text: shown(line) });
  });

  for await (const text of file.text()) {
    splitter.write(text);
    yield sorter.ready();
  }
  splitter.end();
  yield sorter.end();
  counts.late += sorter.late();
}

function shown(line: string): string {
  const cut = line.length > SHOWN_LENGTH ? `${line.slice(0, SHOWN_LENGTH)}...` : line;
  return JSON.stringify(cut)
    .slice(1, -1)
    .replaceAll('\\"', '"')
    .replace(/[\u007f-\u009f]/g, "?");
}
