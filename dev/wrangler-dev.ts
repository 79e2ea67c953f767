import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { writeEnvFile } from "./env-file.ts";
import { type HeldOutput, holdOutput } from "./held-output.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const WRANGLER = fileURLToPath(new URL("../node_modules/wrangler/bin/wrangler.js", import.meta.url));
const HOST = "127.0.0.1";
const POLL_MS = 150;
const POLL_TIMEOUT_MS = 3_000;
const GENTLE_STOP_MS = 5_000;

export type WranglerDevOptions = {
  port: number;
  variables: Record<string, string>;
  /** Another wrangler.toml than the project's own. */
  configPath?: string | undefined;
};

export type WranglerDev = {
  url: string;
  stdout: HeldOutput;
  stderr: HeldOutput;
  /** Settles when wrangler ends, for whatever reason; the value is its exit code. */
  exited: Promise<number>;
  /** Resolves once the Worker answers; rejects when `signal` says to stop asking. */
  ready: (signal: AbortSignal) => Promise<void>;
  stop: () => Promise<void>;
};

/** Starts `wrangler dev` with everything it starts itself in one process group, so that all of it can be ended. */
export function startWranglerDev(options: WranglerDevOptions): WranglerDev {
  const { configPath, variables } = options;
  const envFiles = writeEnvFile(variables, resolve(ROOT, dirname(configPath ?? "wrangler.toml")));
  const child = spawn(process.execPath, [WRANGLER, ...wranglerArguments(options, envFiles.paths)], {
    cwd: ROOT,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV: "true",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_SEND_METRICS: "false",
      WRANGLER_HIDE_BANNER: "true",
    },
  });
  const exited = untilExited(child);
  // Whatever way this process ends, nothing of wrangler may stay behind.
  process.once("exit", () => {
    killGroup(child);
    envFiles.remove();
  });
  const url = `http://${HOST}:${options.port}`;
  const stdout = holdOutput(child.stdout, process.stdout);
  const stderr = holdOutput(child.stderr, process.stderr);
  return {
    url,
    stdout,
    stderr,
    exited,
    ready: (signal) => untilAnswered(`${url}/_weir/health`, signal),
    stop: async () => {
      for (const output of [stdout, stderr]) output.mute();
      await stop(child);
      envFiles.remove();
    },
  };
}

// The "close" event comes after the last output, which a message about a failure needs; but it would never
// come if a process that outlived wrangler kept the pipes open.
async function untilExited(child: ChildProcess): Promise<number> {
  const closed = once(child, "close");
  const [code] = await once(child, "exit");
  killGroup(child);
  await closed;
  return Number(code ?? 1);
}

function wranglerArguments({ port, configPath }: WranglerDevOptions, envFiles: readonly string[]): string[] {
  return [
    "dev",
    ...(configPath === undefined ? [] : ["--config", configPath]),
    ...["--ip", HOST, "--port", String(port), "--show-interactive-dev-session=false"],
    ...envFiles.map((path) => `--env-file=${path}`),
  ];
}

// Any answer will do, whatever its status: it says that the Worker runs. Weir answers this path itself,
// so that asking does not use up anybody's quota.
async function untilAnswered(url: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const timeout = AbortSignal.timeout(POLL_TIMEOUT_MS);
      const response = await fetch(url, { signal: AbortSignal.any([signal, timeout]) });
      await response.body?.cancel();
      return;
    } catch {
      await sleep(POLL_MS);
    }
  }
  signal.throwIfAborted();
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = once(child, "exit");
    // Only the leader is asked first: it ends its workerd in order, where a signal to all makes them complain.
    child.kill("SIGTERM");
    await Promise.race([exit, sleep(GENTLE_STOP_MS, undefined, { ref: false })]);
  }
  killGroup(child);
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // Nobody of the group is left, which is what we want.
  }
}
