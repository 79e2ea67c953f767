import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { WorkerOptions } from "../test/support/workerd.ts";
import type { Contestant } from "./contestants.ts";
import { answer } from "./load.ts";

type Variables = Readonly<Record<string, string>>;

/** More than any run sends, over a window that does not end during one: as in `ratelimit-worker.ts`. */
const limit = "1000000/hour";
const ONE_POLICY = [{ name: "address", key: "ip", limit }];
const THREE_POLICIES = [
  ...ONE_POLICY,
  { name: "user", key: "header:x-user-id", limit },
  { name: "both", key: "ip + header:x-user-id", limit },
];

/** Weir on Redis and `@upstash/ratelimit`, with one limit and with three on three keys. */
export function decisionContestants(origin: string, redis: Variables, ratelimitScript: string): Contestant[] {
  const weir = (policies: object[]): WorkerOptions => ({
    vars: { ORIGIN: origin, ...redis, POLICIES: policies },
  });
  const ratelimit = (limiters: number): WorkerOptions => ({
    script: ratelimitScript,
    vars: { ORIGIN: origin, ...redis, LIMITERS: limiters },
  });
  const forward = { script: resolve(import.meta.dirname, "forward.js"), vars: { ORIGIN: origin } };
  return [
    { id: "a", label: "forwards only", answer: answer(200, 0), worker: forward },
    { id: "b", label: "Weir, 1 policy", answer: answer(200, 1), worker: weir(ONE_POLICY) },
    { id: "c", label: "Weir, 3 policies", answer: answer(200, 3), worker: weir(THREE_POLICIES) },
    // Its answers say nothing of quotas, and a failed Redis would show as a 500.
    { id: "d", label: "@upstash/ratelimit, 1 limiter", answer: answer(200, 0), worker: ratelimit(1) },
    { id: "e", label: "@upstash/ratelimit, 3 limiters", answer: answer(200, 0), worker: ratelimit(3) },
  ];
}

/** Bundles the Worker of `@upstash/ratelimit` with the settings of Weir's own, and returns where its script is. */
export function buildRatelimitWorker(folder: string): string {
  const source = fileURLToPath(new URL("./ratelimit-worker.ts", import.meta.url));
  const root = resolve(import.meta.dirname, "..");
  const wrangler = resolve(root, "node_modules/wrangler/bin/wrangler.js");
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [wrangler, "deploy", source, "--dry-run", "--outdir", folder],
    {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true" },
    },
  );
  if (status !== 0) throw new Error(`the Worker of @upstash/ratelimit does not build:\n${stdout}${stderr}`);
  return join(folder, "ratelimit-worker.js");
}
