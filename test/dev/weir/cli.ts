import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll } from "vitest";
import { run } from "../../../dev/weir/run.ts";

const ROOT = resolve(import.meta.dirname, "../../..");

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Written to standard input, which then ends. */
  readonly input?: string | Buffer;
  readonly cwd?: string;
}

/** Runs `weir` as npm would, in a process of its own with its output in pipes. */
export function weir(args: readonly string[], { input = "", cwd = ROOT }: RunOptions = {}): Promise<Ended> {
  const { npm_lifecycle_event: _, INIT_CWD: __, FORCE_COLOR: ___, ...env } = process.env;
  const preload = join(ROOT, "dev/require-node.js");
  const child = spawn(process.execPath, ["--import", preload, join(ROOT, "dev/weir/main.ts"), ...args], {
    cwd,
    env,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  // It may end without having read its input.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  return new Promise((ended) => child.once("close", (status) => ended({ status, stdout, stderr })));
}

/** Runs `weir` in this process, much sooner: for all that neither reads standard input nor writes a log to standard output. */
export async function weirHere(args: readonly string[]): Promise<Ended> {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const status = await run(args, {
    print: (line = "") => void stdout.push(`${line}\n`),
    note: (line) => void stderr.push(`${line}\n`),
    style: (_, text) => text,
    live: undefined,
    confirm: () => Promise.resolve(undefined),
    path: (written) => resolve(ROOT, written),
  });
  return { status, stdout: stdout.join(""), stderr: stderr.join("") };
}

/** A folder for the files of one test file, removed at its end. */
export function useFolder(): {
  write(name: string, content: string | Buffer): string;
  path(name: string): string;
} {
  const folder = mkdtempSync(join(tmpdir(), "weir-tools-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string) => join(folder, name);
  return {
    path,
    write(name, content) {
      writeFileSync(path(name), content);
      return path(name);
    },
  };
}
