import { once } from "node:events";
import { Worker } from "node:worker_threads";

export interface RunningOrigin {
  readonly url: string;
  /** When each path below `/noted/` arrived since the last call, epoch milliseconds. */
  takeNoted(): Promise<ReadonlyMap<string, number>>;
  stop(): Promise<void>;
}

/** Starts the origin of all Workers in a thread of its own. */
export async function startOrigin(): Promise<RunningOrigin> {
  const thread = new Worker(new URL("./origin.ts", import.meta.url));
  const [url] = (await once(thread, "message")) as [string];
  return {
    url,
    async takeNoted() {
      const answered = once(thread, "message");
      thread.postMessage("noted");
      const [noted] = (await answered) as [ReadonlyMap<string, number>];
      return noted;
    },
    async stop() {
      await thread.terminate();
    },
  };
}
