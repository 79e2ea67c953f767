import type { StoreName } from "../src/config/config.ts";
import { startLocalRedis } from "../test/support/local-store.ts";
import { type RunningWorker, startWorker } from "../test/support/workerd.ts";
import { startOrigin } from "./running-origin.ts";

const INSTANCES = 3;

/** Where the instances of each store listen. */
export type Fleet = ReadonlyMap<StoreName, readonly string[]>;

interface Stoppable {
  stop(): Promise<void>;
}

/** Starts several instances of Weir for each store, hands them to `use`, and stops them whatever happens. */
export async function withFleet<T>(
  stores: readonly StoreName[],
  policies: readonly object[],
  use: (fleet: Fleet) => Promise<T>,
): Promise<T> {
  const parts: Promise<Stoppable>[] = [];
  const started = <P extends Stoppable>(part: Promise<P>): Promise<P> => {
    parts.push(part);
    return part;
  };
  const { url: ORIGIN, stop } = await startOrigin();
  try {
    const redis = stores.includes("upstash") ? await started(startLocalRedis()) : undefined;
    const starting = stores.map(async (STORE): Promise<[StoreName, string[]]> => {
      const vars = { ORIGIN, POLICIES: policies, STORE, ...(STORE === "upstash" && redis?.vars) };
      const workers = processes(STORE).map(() => started(startWorker({ vars })));
      return [STORE, waysIn(await Promise.all(workers))];
    });
    return await use(new Map(await Promise.all(starting)));
  } finally {
    // The Workers before the store that they would miss. What is still starting is waited for.
    for (const part of await Promise.allSettled(parts.toReversed()))
      if (part.status === "fulfilled") await part.value.stop();
    await stop();
  }
}

/** Outside of Cloudflare, Durable Objects live in one workerd process. */
function processes(store: StoreName): number[] {
  return Array.from({ length: store === "durable-object" ? 1 : INSTANCES }, (_, i) => i);
}

/** One for each instance, also where all of them lead to the same process. */
function waysIn(workers: readonly RunningWorker[]): string[] {
  return Array.from({ length: INSTANCES }, (_, i) => workers[i % workers.length]?.url ?? "");
}
