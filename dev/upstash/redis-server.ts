import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@redis/client";
import { findRedis } from "./find-redis.ts";

const HOST = "127.0.0.1";
const READY_WITHIN_MS = 10_000;
const POLL_MS = 10;
const STOP_WITHIN_MS = 3_000;
const ATTEMPTS = 3;

export type RedisServer = { url: string; port: number; pid: number; stop: () => Promise<void> };

export type RedisOptions = {
  /** Without one it takes a free one. */
  port?: number;
  path?: string;
  /** Out of the terminal's reach: Ctrl-C ends this process only, which then ends Redis when it is time. */
  detached?: boolean;
};

/** Starts an empty Redis of its own on this machine, which keeps nothing on disk. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const { port, path = process.env.PATH ?? "", detached = false } = options;
  const program = findRedis(path);
  if (port !== undefined) return await startOn(program, port, detached);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOn(program, await freePort(), detached);
    } catch (error) {
      // Another program may have taken the port between our looking and Redis' listening.
      if (attempt === ATTEMPTS || !String(error).includes("Address already in use")) throw error;
    }
  }
}

async function startOn(program: string, port: number, detached: boolean): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "weir-redis-"));
  // Only our own child can answer on a socket in a folder that we made; on the port it might be someone else.
  const socket = join(folder, "redis.sock");
  const child = spawn(program, redisArguments({ port, folder, socket }), {
    stdio: ["ignore", "pipe", "pipe"],
    detached,
  });
  const log = collectOutput(child);
  const stop = stopper(child, folder);
  try {
    await once(child, "spawn");
    await untilItAnswers(child, socket);
  } catch (error) {
    await stop();
    throw new Error(`Redis did not start on port ${port}.\n${log()}`, { cause: error });
  }
  return { url: `redis://${HOST}:${port}`, port, pid: child.pid ?? Number.NaN, stop };
}

function redisArguments({
  port,
  folder,
  socket,
}: {
  port: number;
  folder: string;
  socket: string;
}): string[] {
  const network = ["--port", String(port), "--bind", HOST, "--unixsocket", socket];
  const nothingOnDisk = ["--save", "", "--appendonly", "no", "--dir", folder];
  return [...network, ...nothingOnDisk, "--daemonize", "no"];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("The system gave no port.");
  return address.port;
}

async function untilItAnswers(child: ChildProcess, socket: string): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!(await answersPing(socket))) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error("It ended by itself.");
    if (Date.now() > deadline) throw new Error(`It did not answer within ${READY_WITHIN_MS} ms.`);
    await sleep(POLL_MS);
  }
}

async function answersPing(socket: string): Promise<boolean> {
  const client = createClient({
    RESP: 2,
    disableClientInfo: true,
    socket: { path: socket, reconnectStrategy: false },
  });
  // The failure is thrown as well; an error event without a listener would end the process.
  client.on("error", () => {});
  try {
    await client.connect();
    return (await client.ping()) === "PONG";
  } catch {
    return false;
  } finally {
    if (client.isOpen) client.destroy();
  }
}

function collectOutput(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (text += chunk));
  return () => text.trim();
}

function stopper(child: ChildProcess, folder: string): () => Promise<void> {
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  // A test run that calls process.exit must not leave a Redis behind.
  const atExit = () => {
    child.kill("SIGKILL");
    removeFolder();
  };
  process.once("exit", atExit);
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  return async () => {
    child.kill("SIGTERM");
    const force = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
    await ended;
    clearTimeout(force);
    process.off("exit", atExit);
    removeFolder();
  };
}
