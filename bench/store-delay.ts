import type { RunningRedis } from "../test/support/local-store.ts";
import type { Performer } from "./stage.ts";

/**
 * Lets every call to a store wait before it is served: objects by `object-network.js`, Redis by the REST server in
 * front of it. What does not ask a store is as it was.
 */
export async function setStoreDelay(
  performers: readonly Performer[],
  { rest }: RunningRedis,
  delayMs: number,
): Promise<void> {
  if (delayMs > 0) rest.faults.set({ kind: "delay", ms: delayMs });
  else rest.faults.clear();
  for (const { contestant, worker } of performers)
    if (contestant.store === "objects") await objectCalls(worker.url, delayMs);
}

/** Sets the delay of a Worker's objects, and returns how many calls reached them so far. */
export async function objectCalls(url: string, delayMs: number): Promise<number> {
  const response = await fetch(`${url}/__objects?delay=${delayMs}`);
  return (await response.json()) as number;
}
