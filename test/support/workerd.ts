import { type ChildProcess, spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
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
  /** Folder that keeps what Durable Objects store from one process to the next. Default: a new one. */
  readonly storage?: string;
}

export interface RunningWorker {
  readonly url: string;
  readonly pid: number;
  /** What the process has printed so far. */
  output(): string;
  /** What its isolates have handed to its metrics objects. */
  readMetrics(): Promise<ReadMetrics>;
  stop(): Promise<void>;
}

/** Starts the built Worker in workerd on a free port. Rejects with what workerd printed when it does not start. */
export async function startWorker(options: WorkerOptions = {}): Promise<RunningWorker> {
  const folder = await mkdtemp(join(tmpdir(), "weir-"));
  const { vars = {}, script = BUNDLE, storage = join(folder, "storage") } = options;
  await mkdir(storage, { recursive: true });
  // The configuration can only embed what lies beside it.
  await copyFile(script, join(folder, "index.js"));
  await writeFile(join(folder, "metrics-reader.js"), METRICS_READER);
  const config = join(folder, "config.capnp");
  // Other scripts than Weir's, to compare it with, have no metrics.
  const classes = ["CounterObject", ...((await readFile(script, "utf8")).includes(METRICS) ? [METRICS] : [])];
  await writeFile(config, capnp(vars, storage, classes));
  const child = spawn(workerd.default, ["serve", "--experimental", "--control-fd=3", config], {
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
  const readMetrics = async () => (await (await fetch(urlOf("metrics"))).json()) as ReadMetrics;
  return { url: urlOf("http"), pid: child.pid ?? 0, output: () => output, readMetrics, stop };
}

const SOCKETS = 2;
const METRICS = "MetricsObject";

/** The ports by socket: workerd announces each on the control descriptor as one line of JSON. */
function listenPorts(child: ChildProcess): Promise<ReadonlyMap<string, number>> {
  const control = child.stdio[3] as Readable;
  const ports = new Map<string, number>();
  return new Promise((found) => {
    let text = "";
    control.on("data", (chunk) => {
      text += chunk;
      for (const line of text.split("\n").slice(0, -1)) {
        const { event, socket, port } = JSON.parse(line) as { event: string; socket?: string; port?: number };
        if (event === "listen" && socket && port) ports.set(socket, port);
      }
      if (ports.size === SOCKETS) found(ports);
    });
  });
}

function capnp(vars: Readonly<Record<string, unknown>>, storage: string, classes: readonly string[]): string {
  const hasMetrics = classes.includes(METRICS);
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
  modules = [( name = "index.js", esModule = embed "index.js" )],
  compatibilityDate = "2026-10-23",
  compatibilityFlags = ["enable_request_signal"],
  bindings = [
    ( name = "COUNTERS", durableObjectNamespace = "CounterObject" ),
    ${hasMetrics ? `( name = "METRICS", durableObjectNamespace = "${METRICS}" ),` : ""}
    ${bindings.join(",\n    ")}
  ],
  durableObjectNamespaces = [
    ${classes.map((name) => `( className = "${name}", uniqueKey = "${name}", enableSql = true )`)}
  ],
  durableObjectStorage = ( localDisk = "storage" ),
);
const reader :Workerd.Worker = (
  modules = [( name = "metrics-reader.js", esModule = embed "metrics-reader.js" )],
  compatibilityDate = "2026-10-23",
  bindings = [
    ${hasMetrics ? `( name = "METRICS", durableObjectNamespace = ( className = "${METRICS}", serviceName = "weir" ) )` : ""}
  ],
);
`;
}

const text = (value: string): string => JSON.stringify(value);
