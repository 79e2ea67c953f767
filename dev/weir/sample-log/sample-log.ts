import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { type Command, EXIT, readArguments, wholeNumber } from "../command.ts";
import { UsageError } from "../usage-error.ts";
import { LINE_FORMATS, type LineFormat, lineOf } from "./line-formats.ts";
import { sampleTraffic, type TrafficOptions } from "./traffic.ts";

const HELP = `usage: npm run --silent weir -- sample-log [options]

Makes an access log up, to try replay with: few callers send most requests, traffic follows the time of day, and once a
day somebody guesses passwords. Equal options make equal logs.

  --lines N       default: 100000
  --callers N     default: 100000
  --days N        the time that it spans; default: 7
  --seed N        default: 1
  --format NAME   ${LINE_FORMATS.join(", ")}; default: combined
  --out FILE      where to write it, packed when its name ends in .gz; default: standard output
  --help          print this`;

/** Lines that are written at a time. */
const BATCH = 1_000;

export const sampleLog: Command = {
  name: "sample-log",
  summary: "make an access log up, to try replay with",
  help: HELP,
  async run(args, terminal) {
    const { values, positionals } = readArguments(args, {
      lines: { type: "string", default: "100000" },
      callers: { type: "string", default: "100000" },
      days: { type: "string", default: "7" },
      seed: { type: "string", default: "1" },
      format: { type: "string", default: "combined" },
      out: { type: "string" },
    });
    if (positionals.length > 0) throw new UsageError("takes no arguments; the file is --out FILE");
    const format = LINE_FORMATS.find((name) => name === values.format);
    if (!format)
      throw new UsageError(`--format is "${values.format}", but has to be one of ${LINE_FORMATS.join(", ")}`);
    const source = Readable.from(
      batches(format, {
        requests: wholeNumber("lines", values.lines, 1, 1_000_000_000),
        callers: wholeNumber("callers", values.callers, 1, 10_000_000),
        days: wholeNumber("days", values.days, 1, 365),
        seed: wholeNumber("seed", values.seed, 0, 2 ** 32 - 1),
      }),
    );
    await write(source, values.out === undefined ? undefined : terminal.path(values.out));
    return EXIT.fine;
  },
};

function* batches(format: LineFormat, options: TrafficOptions): Generator<string> {
  let lines: string[] = [];
  for (const request of sampleTraffic(options)) {
    lines.push(lineOf[format](request));
    if (lines.length < BATCH) continue;
    yield `${lines.join("\n")}\n`;
    lines = [];
  }
  if (lines.length > 0) yield `${lines.join("\n")}\n`;
}

async function write(source: Readable, file: string | undefined): Promise<void> {
  try {
    if (file === undefined) await pipeline(source, process.stdout, { end: false });
    else if (file.endsWith(".gz")) await pipeline(source, createGzip({ level: 6 }), createWriteStream(file));
    else await pipeline(source, createWriteStream(file));
  } catch (error) {
    // Whoever reads it may have had enough, as head has.
    if ((error as NodeJS.ErrnoException).code === "EPIPE") return;
    throw new UsageError(`the log cannot be written: ${error instanceof Error ? error.message : error}`);
  }
}
