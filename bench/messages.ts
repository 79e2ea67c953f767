import { once } from "node:events";
import { WebSocket } from "ws";
import build from "../test/support/build.ts";
import { startOrigin } from "../test/support/origin.ts";
import { type RunningWorker, startWorker } from "../test/support/workerd.ts";
import { progress, runCommand } from "./command.ts";
import { cpuTimeMs } from "./cpu-time.ts";
import { parseOptions, USAGE } from "./options.ts";
import { report } from "./report.ts";

const SOCKETS = 10;
const MESSAGE = "x".repeat(100);

/** What is compared: the same echo through the platform alone, through the bridge, and past a limit. */
const CONTESTANTS = [
  { id: "a", label: "handed through, no policy of sockets", policies: [] },
  {
    id: "b",
    label: "through Weir, connections limited",
    policies: [{ name: "open", on: "connection", match: "/socket", limit: "1000 concurrent" }],
  },
  {
    id: "c",
    label: "through Weir, messages limited",
    policies: [{ name: "messages", on: "message", match: "/socket", limit: "100000000/hour" }],
  },
];

await runCommand(USAGE, parseOptions, async (options, interrupted) => {
  progress("building the Worker");
  build();
  const origin = await startOrigin();
  const workers: RunningWorker[] = [];

  async function run() {
    const rows = [];
    for (const { policies, ...contestant } of CONTESTANTS) {
      const worker = await startWorker({ vars: { ORIGIN: origin.url, POLICIES: policies } });
      workers.push(worker);
      const sockets = await openSockets(worker.url);
      rows.push({
        contestant: { ...contestant, answer: "", worker: {} },
        worker,
        sockets,
        samples: [] as Sample[],
      });
    }
    for (const { sockets } of rows) await echo(sockets, options.requests);
    for (let round = 1; round <= options.rounds; round++) {
      progress(`round ${round} of ${options.rounds}`);
      for (const { worker, sockets, samples } of rows) {
        const [startCpuMs, startMs] = [cpuTimeMs(worker.pid), performance.now()];
        await echo(sockets, options.requests);
        const elapsedMs = performance.now() - startMs;
        samples.push({ cpuMs: cpuTimeMs(worker.pid) - startCpuMs, elapsedMs });
      }
    }
    for (const { sockets } of rows) for (const socket of sockets) socket.terminate();
    return rows;
  }

  try {
    const rows = await Promise.race([run(), interrupted]);
    console.log(`\n${report(rows, options.requests)}`);
    return 0;
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
    await origin.close();
  }
});

interface Sample {
  readonly cpuMs: number;
  readonly elapsedMs: number;
}

async function openSockets(url: string): Promise<WebSocket[]> {
  const address = `${url.replace("http", "ws")}/socket`;
  const headers = { "CF-Connecting-IP": "198.51.100.1" };
  const sockets = Array.from(
    { length: SOCKETS },
    () => new WebSocket(address, { headers, perMessageDeflate: false }),
  );
  await Promise.all(sockets.map((socket) => once(socket, "open")));
  return sockets;
}

/** Sends messages over all sockets, each as soon as the one before came back. Rejects when one does not. */
async function echo(sockets: readonly WebSocket[], messages: number): Promise<void> {
  let sent = 0;
  await Promise.all(
    sockets.map(async (socket) => {
      while (sent++ < messages) {
        socket.send(MESSAGE);
        const [data] = (await once(socket, "message")) as [Buffer];
        if (data.toString() !== MESSAGE) throw new Error(`answered ${data.toString().slice(0, 100)}`);
      }
    }),
  );
}
