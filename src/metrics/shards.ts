import type { Aggregate } from "./aggregate.ts";
import type { Batch, BatchReply, Report } from "./protocol.ts";
import { within } from "./within.ts";

/**
 * How many metrics objects share the isolates. Each isolate reports to one of them, at most every 5 s (`FLUSH_MS`): 16 objects
 * with 100 writes a second each take 16 x 100 x 5 = 8,000 isolates at that pace. An object with more tells them to report less often.
 */
export const SHARDS = 16;

/** A metrics object, over RPC or at hand. */
export type Shard = {
  readonly [Verb in keyof Aggregate]: (...message: Parameters<Aggregate[Verb]>) => unknown;
};

export interface Shards {
  send(batch: Batch): Promise<BatchReply>;
  /** What each of them knows; rejects when one does not answer: a sum without it would look as if counters ran back. */
  read(): Promise<readonly Report[]>;
}

const READ_TIMEOUT_MS = 5_000;

/** @param shardOf each time it is called a new stub: one that has failed may go on failing */
export function createShards(shardOf: (shard: number) => Shard): Shards {
  return {
    // The first digits of a random UUID.
    send: async (batch) =>
      (await shardOf(Number.parseInt(batch.isolate, 16) % SHARDS).add(batch)) as BatchReply,

    read() {
      const reading = Array.from({ length: SHARDS }, async (_, i) => shardOf(i).read() as Promise<Report>);
      return within(READ_TIMEOUT_MS, Promise.all(reading));
    },
  };
}
