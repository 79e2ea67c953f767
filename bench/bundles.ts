import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { type BuildOptions, buildWorker } from "../test/support/build.ts";
import type { Contender } from "./contenders.ts";

const PEERS = resolve(import.meta.dirname, "peers");

/** Builds each Worker at most once, all with the settings of Weir's own. */
export function createBuilder(options: Pick<BuildOptions, "minify"> = {}) {
  const scripts = new Map<string, string>();
  return ({ peer }: Contender, folder: string): string => {
    const name = peer ?? "weir";
    const known = scripts.get(name);
    if (known) return known;
    const source = peer === undefined ? {} : { source: join(PEERS, peer) };
    const script = buildWorker(join(folder, `bundle-${name}`), { ...options, ...source });
    scripts.set(name, script);
    return script;
  };
}

/** What a deployment uploads, bytes. */
export function compressedBytes(script: string): number {
  return gzipSync(readFileSync(script), { level: 9 }).length;
}
