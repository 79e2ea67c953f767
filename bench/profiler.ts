import { once } from "node:events";
import { WebSocket } from "ws";

/** One function at one place of a script, as V8's profiler found it; a node of the tree of calls. */
export interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

export interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  /** From 0; -1 for what is not of any script. */
  readonly lineNumber: number;
}

/** What a `.cpuprofile` file holds. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** The node at the top of the stack at each sample. */
  readonly samples: readonly number[];
  /** Microseconds from each sample to the next. */
  readonly timeDeltas: readonly number[];
}

const INTERVAL_US = 100;

/** Profiles an isolate of workerd over its inspector while `work` runs. Rejects with what the inspector refuses. */
export async function profileWhile(inspectorUrl: string, work: () => Promise<unknown>): Promise<CpuProfile> {
  const socket = new WebSocket(inspectorUrl, { perMessageDeflate: false, maxPayload: 0 });
  await once(socket, "open");
  let calls = 0;
  const call = async (method: string, params: object = {}): Promise<unknown> => {
    const id = ++calls;
    socket.send(JSON.stringify({ id, method, params }));
    for (;;) {
      const [data] = (await once(socket, "message")) as [Buffer];
      const message = JSON.parse(data.toString()) as {
        id?: number;
        result?: unknown;
        error?: { message: string };
      };
      if (message.id !== id) continue;
      if (message.error) throw new Error(`${method}: ${message.error.message}`);
      return message.result;
    }
  };
  try {
    await call("Profiler.enable");
    await call("Profiler.setSamplingInterval", { interval: INTERVAL_US });
    await call("Profiler.start");
    await work();
    return ((await call("Profiler.stop")) as { profile: CpuProfile }).profile;
  } finally {
    socket.terminate();
  }
}
