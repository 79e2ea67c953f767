import { spawnSync } from "node:child_process";

const HOW_TO_GET_IT = `promtool is missing: Prometheus' own tool checks what Weir shows to it.
  Debian, Ubuntu: apt-get install prometheus (or only the tool of that package, as .ci/run does)
  macOS: brew install prometheus
  elsewhere: it is part of every download of https://prometheus.io/download/`;

export interface Promtool {
  readonly ok: boolean;
  /** Everything it printed. */
  readonly output: string;
}

/** Runs promtool with arguments and an input. Throws how to install it when there is none. */
export function promtool(args: readonly string[], input = ""): Promtool {
  const { error, status, stdout, stderr } = spawnSync("promtool", args, { input, encoding: "utf8" });
  if (error) throw new Error("code" in error && error.code === "ENOENT" ? HOW_TO_GET_IT : error.message);
  return { ok: status === 0, output: stdout + stderr };
}
