import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import build from "../test/support/build.ts";
import { BUNDLE } from "../test/support/workerd.ts";
import { contestants } from "./contestants.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";
import { report } from "./report.ts";
import { runRounds } from "./rounds.ts";

let isInterrupted = false;
// Ctrl-C, an ordinary `kill` and a closed terminal all mean the same: end everything.
const interrupted = new Promise<never>((_, reject) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      isInterrupted = true;
      reject(new Error("interrupted"));
    });
  }
});
// Nobody may be waiting for it yet.
interrupted.catch(() => {});

process.exit(await main());

async function main(): Promise<number> {
  const options = readOptions();
  if (!options) return 2;
  try {
    progress("building the Worker");
    build();
    const rows = await runRounds({ ...options, contestants, progress }, interrupted);
    const kib = (gzipSync(readFileSync(BUNDLE)).length / 1024).toFixed(1);
    console.log(`\n${report(rows, options.requests)}\ndist/index.js: ${kib} KiB as gzip`);
    return 0;
  } catch (error) {
    // Ctrl-C also reaches the Workers, so that requests may fail before this process hears of it.
    console.error(isInterrupted ? "interrupted" : messageOf(error));
    return isInterrupted ? 130 : 1;
  }
}

function readOptions(): Options | undefined {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${messageOf(error)}\n${USAGE}`);
    return undefined;
  }
}

function progress(step: string): void {
  console.error(`${(performance.now() / 1_000).toFixed(0).padStart(3)} s  ${step}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
