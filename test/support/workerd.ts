import { type ChildProcess, spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { METRICS_READER, type ReadMetrics } from "./metrics-reader.ts";

/** The path of the executable. */
const workerd = createRequire(import.meta.url)("workerd") as { default: string };

/** Where `test/support/build.ts` leaves the Worker's script. */
export const BUNDLE = resolve(import.meta.dirname, "../../dist/index.js");

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
  /** What its isolates have handed to its metrics objects. */
  readMetrics(): Promise<ReadMetrics>;
  stop(): Promise<void>;
}

/** Starts the built Worker in workerd on a free port. Rejects with what workerd printed when it does not start. */
export async function startWorker(options: WorkerOptions = {}): Promise<RunningWorker> {
  const folder = await mkdtemp(join(tmpdir(), "weir-"));
  const { vars = {}, script = BUNDLE, front, storage = join(folder, "storage"), inspect = false } = options;
  await mkdir(storage, { recursive: true });
  // The configuration can only embed what lies beside it.
  await copyFile(script, join(folder, "index.js"));
  await writeFile(join(folder, "metrics-reader.js"), METRICS_READER);
  if (front) await copyFile(front, join(folder, "front.js"));
  const config = join(folder, "config.capnp");
  const modules = front ? ["front.js", "index.js"] : ["index.js"];
  await writeFile(config, capnp(vars, storage, modules));
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
    readMetrics: async () => (await (await fetch(urlOf("metrics"))).json()) as ReadMetrics,
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
      if (ports.has("http") && ports.has("metrics")) found(ports);
    });
  });
}

/** The first module is the Worker's own. */
function capnp(vars: Readonly<Record<string, unknown>>, storage: string, modules: readonly string[]): string {
  const bindings = Object.entries(vars).map(([name, value]) =>
    typeof value === "string"
      ? `( name = ${text(name)}, text = ${text(value)} )`
      : `( name = ${text(name)}, json = ${text(JSON.stringify(value))} )`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ( name = "weir", worker = .weir ),
    ( name = "metrics-reader", worker = .reader ),
    ( name = "internet", network = ( allow = ["public", "private"] ) ),
    ( name = "storage", disk = ( path = ${text(storage)}, writable = true ) ),
  ],
  sockets = [
    ( name = "http", address = "127.0.0.1:0", http = (), service = "weir" ),
    ( name = "metrics", address = "127.0.0.1:0", http = (), service = "metrics-reader" ),
  ],
);
const weir :Workerd.Worker = (
  modules = [${modules.map((name) => `( name = ${text(name)}, esModule = embed ${text(name)} )`).join(", ")}],
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
const reader :Workerd.Worker = (
  modules = [( name = "metrics-reader.js", esModule = embed "metrics-reader.js" )],
  compatibilityDate = "2026-10-23",
  bindings = [
    ( name = "METRICS", durableObjectNamespace = ( className = "MetricsObject", serviceName = "weir" ) ),
  ],
);
`;
}

const text = (value: string): string => JSON.stringify(value);
