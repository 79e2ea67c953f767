import { writeFileSync } from "node:fs";
import type { Config } from "../../../src/config/config.ts";
import { parseConfig } from "../../../src/config/parse-config.ts";
import { parseDuration } from "../../../src/config/rate.ts";
import { type Command, EXIT, readArguments, wholeNumber } from "../command.ts";
import { readConfiguration } from "../configuration.ts";
import { fieldPaths } from "../log/json-fields.ts";
import { type LogFile, openLog } from "../log/lines.ts";
import type { Terminal } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";
import { valueNames } from "./plans.ts";
import { createProgress } from "./progress.ts";
import { type Candidate, type Replayed, replayLogs } from "./replay-logs.ts";
import { summarise } from "./summary.ts";
import { textReport } from "./text-report.ts";

const HELP = `usage: npm run weir -- replay [options] LOG...

Runs access logs through a configuration, with the limiter's own code and the log's own clock, and shows what would have
been refused, whom, and what limits would have to be.

  LOG                 a file, packed by gzip or not; "-" or none: standard input. Several files are merged by time.
                      Each line may be in combined (also common, or with the virtual host in front) format, a JSON
                      object of any usual server, or one of Cloudflare's Logpush (http_requests)
  --config FILE       the configuration; default: wrangler.toml in this folder
  --compare FILE      another one, to compare with
  --env NAME          the environment [env.NAME] of both
  --field NAME=PATH   where JSON lines have something: time, ip, method, path, host, status, or a key part such as
                      header:x-user-id or jwt:sub; PATH with dots for members of members. May be repeated
  --host NAME         the host of lines that do not say theirs
  --plot FILE         write a plot over time (SVG)
  --disorder TIME     how far lines may be out of order; default: 10s
  --max-keys N        callers' keys to keep at a time, about a kilobyte each; default: 200000
  --json              print one JSON object
  --help              print this

Exit status: 0 done, 1 a configuration has mistakes, 2 wrong usage or a file that cannot be read.`;

const OPTIONS = {
  config: { type: "string", default: "wrangler.toml" },
  compare: { type: "string" },
  env: { type: "string" },
  field: { type: "string", multiple: true },
  host: { type: "string" },
  plot: { type: "string" },
  disorder: { type: "string", default: "10s" },
  "max-keys": { type: "string", default: "200000" },
  json: { type: "boolean", default: false },
} as const;

export const replay: Command = {
  name: "replay",
  summary: "run access logs through a configuration, and show what it would refuse",
  help: HELP,
  async run(args, terminal) {
    const { values, positionals } = readArguments(args, OPTIONS);
    const slackMs = parseDuration(values.disorder);
    if (!slackMs.ok) throw new UsageError(`--disorder: ${slackMs.problem}`);
    const maxKeys = wholeNumber("max-keys", values["max-keys"], 100, 100_000_000);
    const candidates: Candidate[] = [];
    for (const file of [values.config, ...(values.compare === undefined ? [] : [values.compare])]) {
      const config = loadConfig(terminal, file, values.env);
      if (!config) return EXIT.found;
      candidates.push({ name: file, config });
    }
    const files = openLogs(positionals, terminal);
    const progress = createProgress(files, terminal.live, performance.now.bind(performance));
    const replayed = await replayLogs(files, candidates, {
      fields: fieldPaths(values.field ?? [], [
        ...new Set(candidates.flatMap(({ config }) => valueNames(config))),
      ]),
      slackMs: slackMs.value,
      maxKeys,
      host: values.host?.toLowerCase() ?? "",
      onProgress: progress.show,
    }).finally(progress.end);
    const summaries = replayed.runs.map(({ name, replayer, notes }) => summarise(name, replayer, notes));
    if (values.plot !== undefined) await writePlot(terminal.path(values.plot), replayed.runs);
    const { log, comparison } = replayed;
    if (values.json)
      terminal.print(JSON.stringify({ log, configurations: summaries, comparison }, undefined, 2));
    else terminal.print(textReport(log, summaries, comparison, terminal.style));
    return EXIT.fine;
  },
};

/** Undefined, with everything that is wrong listed, when it is not valid. */
function loadConfig(terminal: Terminal, file: string, environment: string | undefined): Config | undefined {
  const parsed = parseConfig(readConfiguration(terminal.path(file), { environment }).env);
  if (parsed.ok) return parsed.config;
  terminal.note(`${file} is not valid:`);
  for (const { path, message } of parsed.problems) terminal.note(`  ${path}: ${message}`);
  return undefined;
}

function openLogs(names: readonly string[], terminal: Terminal): LogFile[] {
  const logs = names.length === 0 ? ["-"] : names;
  if (logs.filter((name) => name === "-").length > 1)
    throw new UsageError("standard input can be read only once");
  if (names.length === 0 && process.stdin.isTTY) throw new UsageError("name a log, or pipe one in");
  return logs.map((name) => openLog(name, terminal.path(name), process.stdin));
}

/** The library is loaded only when it is wanted: that takes longer than a small log. */
async function writePlot(path: string, runs: Replayed["runs"]): Promise<void> {
  const { plotSvg } = await import("./plot.ts");
  try {
    writeFileSync(path, plotSvg(runs));
  } catch (error) {
    throw new UsageError(`the plot cannot be written: ${error instanceof Error ? error.message : error}`);
  }
}
