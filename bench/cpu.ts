import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import build from "../test/support/build.ts";
import { BUNDLE } from "../test/support/workerd.ts";
import { progress, runCommand } from "./command.ts";
import { contestants } from "./contestants.ts";
import { parseOptions, USAGE } from "./options.ts";
import { report } from "./report.ts";
import { runRounds } from "./rounds.ts";

await runCommand(USAGE, parseOptions, async (options, interrupted) => {
  progress("building the Worker");
  build();
  const rows = await runRounds({ ...options, contestants, progress }, interrupted);
  const kib = (gzipSync(readFileSync(BUNDLE)).length / 1024).toFixed(1);
  console.log(`\n${report(rows, options.requests)}\ndist/index.js: ${kib} KiB as gzip`);
  return 0;
});
