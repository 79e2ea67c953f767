import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import build from "../test/support/build.ts";
import { type RunningRedis, startLocalRedis } from "../test/support/local-store.ts";
import { progress, runCommand } from "./command.ts";
import { buildRatelimitWorker, decisionContestants } from "./decision-contestants.ts";
import { decisionCosts } from "./decision-costs.ts";
import { type Options, parseOptions } from "./options.ts";
import { report } from "./report.ts";
import { runRounds } from "./rounds.ts";

const USAGE = "usage: npm run bench:decisions -- [--requests 2000] [--rounds 7]";

await runCommand(USAGE, parseOptions, async (options, interrupted) => {
  const folder = await mkdtemp(join(tmpdir(), "weir-bench-"));
  let redis: RunningRedis | undefined;
  try {
    progress("building the Workers");
    build();
    const script = buildRatelimitWorker(folder);
    redis = await startLocalRedis();
    await compare(options, redis, script, interrupted);
    return 0;
  } finally {
    await redis?.stop();
    await rm(folder, { recursive: true, force: true });
  }
});

async function compare(options: Options, redis: RunningRedis, script: string, interrupted: Promise<never>) {
  const contestants = (origin: string) => decisionContestants(origin, redis.vars, script);
  progress("counting calls and commands");
  const costs = await withOrigin((origin) => decisionCosts(contestants(origin), redis.rest));
  console.log(`\n${costs}\n`);
  const rows = await runRounds({ ...options, contestants, progress }, interrupted);
  console.log(`\n${report(rows, options.requests)}`);
}

async function withOrigin<T>(use: (url: string) => Promise<T>): Promise<T> {
  const origin = new Worker(new URL("./origin.ts", import.meta.url));
  try {
    const [url] = await once(origin, "message");
    return await use(String(url));
  } finally {
    await origin.terminate();
  }
}
