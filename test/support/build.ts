import { spawnSync } from "node:child_process";
import { basename, join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");

/** Builds the Worker's script as a deployment would, once for all end-to-end tests. */
export default function build(): void {
  buildWorker("dist");
}

export interface BuildOptions {
  /** Another Worker's entry, built with the settings of Weir's own. */
  readonly source?: string;
  /** Default: as in `wrangler.toml`. */
  readonly minify?: boolean;
}

/** Builds a Worker into a folder and returns where its script is. Throws what wrangler printed when it does not build. */
export function buildWorker(folder: string, { source, minify }: BuildOptions = {}): string {
  const wrangler = resolve(ROOT, "node_modules/wrangler/bin/wrangler.js");
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      ...[wrangler, "deploy", ...(source === undefined ? [] : [source]), "--dry-run", "--outdir", folder],
      ...(minify === undefined ? [] : [`--minify=${minify}`]),
    ],
    {
      cwd: ROOT,
      encoding: "utf8",
      env: { ...process.env, WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true" },
    },
  );
  if (status !== 0) throw new Error(`${source ?? "the Worker"} does not build:\n${stdout}${stderr}`);
  return join(folder, basename(source ?? "index.ts").replace(/\.ts$/, ".js"));
}
