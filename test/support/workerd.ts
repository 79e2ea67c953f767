import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { type Counted, readMetrics } from "./metrics-reader.ts";

/** The path of the executable. */
const workerd = createRequire(import.meta.url)("workerd") as { default: string };

/** Where `test/support/build.ts` leaves the Worker's script. */
export const BUNDLE = resolve(import.meta.dirname, "../../dist/index.js");

/** What operators sign in with, unless a test sets another one. */
export const ADMIN_TOKEN = "the-token-of-all-tests-0123456789";

export interface WorkerOptions {
  /** Variables of the Worker: text as it is, everything else as JSON. */
  readonly vars?: Readonly<Record<string, unknown>>;
  readonly script?: string;
  /** A module put in front of the script, which it finds as `./index.js`. */
  readonly front?: string;
  /** Folder that keeps what Durable Objects store from one process to the next. Default: a new one. */
  readonly storage?: string;
  /** Lets a debugger or profiler connect, at `inspectorUrl`. */
  readonly inspect?: boolean;
}

export interface RunningWorker {
  readonly url: string;
  readonly pid: number;
  /** Where the DevTools protocol of the Worker's isolate listens, with `inspect`; else empty. */
  readonly inspectorUrl: string;
  /** What the process has printed so far. */
  output(): string;
  /** What its metrics say. */
  readMetrics(): Promise<Counted>;
  stop(): Promise<void>;
}

/** Starts the built Worker in workerd on a free port. Rejects with what workerd printed when it does not start. */
export async function startWorker(options: WorkerOptions = {}): Promise<RunningWorker> {
  const folder = await mkdtemp(join(tmpdir(), "weir-"));
  const { vars = {}, script = BUNDLE, front, storage = join(folder, "storage"), inspect = false } = options;
  await mkdir(storage, { recursive: true });
  // The configuration can only embed what lies beside it.
  await copyFile(script, join(folder, "index.js"));
  const texts = await copyTexts(script, folder);
  if (front) await copyFile(front, join(folder, "front.js"));
  const config = join(folder, "config.capnp");
  const modules = front ? ["front.js", "index.js"] : ["index.js"];
  await writeFile(config, capnp({ ADMIN_TOKEN, ...vars }, storage, modules, texts));
  const inspector = inspect ? ["--inspector-addr=127.0.0.1:0"] : [];
  const child = spawn(workerd.default, ["serve", "--experimental", "--control-fd=3", ...inspector, config], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const exited = new Promise<void>((done) => child.once("exit", () => done()));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (output += chunk));
  const stop = async () => {
    child.kill("SIGTERM");
    // workerd waits for open requests to end, which some tests leave behind on purpose.
    const killing = setTimeout(() => child.kill("SIGKILL"), 1_000);
    await exited;
    clearTimeout(killing);
    await rm(folder, { recursive: true, force: true });
  };
  const ports = await Promise.race([listenPorts(child), exited.then(() => undefined)]);
  if (ports === undefined) {
    await stop();
    throw new Error(output);
  }
  const urlOf = (socket: string) => `http://127.0.0.1:${ports.get(socket)}`;
  const inspectorUrl = inspect ? `ws://127.0.0.1:${ports.get("listen-inspector")}/weir` : "";
  return {
    url: urlOf("http"),
    pid: child.pid ?? 0,
    inspectorUrl,
    output: () => output,
    readMetrics: () => readMetrics(urlOf("http"), String(vars.ADMIN_TOKEN ?? ADMIN_TOKEN)),
    stop,
  };
}

/** workerd announces each socket by name on the control descriptor as one line of JSON, and before them its inspector. */
function listenPorts(child: ChildProcess): Promise<ReadonlyMap<string, number>> {
  const control = child.stdio[3] as Readable;
  const ports = new Map<string, number>();
  return new Promise((found) => {
    let text = "";
    control.on("data", (chunk) => {
      text += chunk;
      for (const line of text.split("\n").slice(0, -1)) {
        const { event, socket, port } = JSON.parse(line) as { event: string; socket?: string; port?: number };
        if (port) ports.set(socket ?? event, port);
      }
      if (ports.has("http")) found(ports);
    });
  });
}

/** Copies what wrangler put beside a script, or beside the one that it was made of, and returns the names. */
async function copyTexts(script: string, folder: string): Promise<string[]> {
  const imported = (await readFile(script, "utf8")).matchAll(/["']\.\/([\w.-]+\.(?:html|txt))["']/g);
  const names = [...new Set([...imported].map(([, name = ""]) => name))];
  for (const name of names) {
    const beside = join(dirname(script), name);
    await copyFile(existsSync(beside) ? beside : join(dirname(BUNDLE), name), join(folder, name));
  }
  return names;
}

/** The first module is the Worker's own. */
function capnp(
  vars: Readonly<Record<string, unknown>>,
  storage: string,
  modules: readonly string[],
  texts: readonly string[],
): string {
  const embedded = [
    ...modules.map((name) => `( name = ${text(name)}, esModule = embed ${text(name)} )`),
    ...texts.map((name) => `( name = ${text(name)}, text = embed ${text(name)} )`),
  ];
  const bindings = Object.entries(vars).map(([name, value]) =>
    typeof value === "string"
      ? `( name = ${text(name)}, text = ${text(value)} )`
      : `( name = ${text(name)}, json = ${text(JSON.stringify(value))} )`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ( name = "weir", worker = .weir ),
    ( name = "internet", network = ( allow = ["public", "private"] ) ),
    ( name = "storage", disk = ( path = ${text(storage)}, writable = true ) ),
  ],
  sockets = [
    ( name = "http", address = "127.0.0.1:0", http = (), service = "weir" ),
  ],
);
const weir :Workerd.Worker = (
  modules = [${embedded.join(", ")}],
  compatibilityDate = "2026-10-23",
  compatibilityFlags = ["enable_request_signal"],
  bindings = [
    ( name = "COUNTERS", durableObjectNamespace = "CounterObject" ),
    ( name = "METRICS", durableObjectNamespace = "MetricsObject" ),
    ${bindings.join(",\n    ")}
  ],
  durableObjectNamespaces = [
    ( className = "CounterObject", uniqueKey = "counters", enableSql = true ),
    ( className = "MetricsObject", uniqueKey = "metrics", enableSql = true ),
  ],
  durableObjectStorage = ( localDisk = "storage" ),
);
`;
}

const text = (value: string): string => JSON.stringify(value);
