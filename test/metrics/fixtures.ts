import { vi } from "vitest";
import { type AggregateStorage, createAggregate } from "../../src/metrics/aggregate.ts";
import { createMetrics, type Metrics } from "../../src/metrics/metrics.ts";
import { type Batch, FORMAT } from "../../src/metrics/protocol.ts";
import type { Counts } from "../../src/metrics/series.ts";
import { createShards, SHARDS, type Shard } from "../../src/metrics/shards.ts";

export const START_MS = 1_800_000_000_000;

/** Of an isolate's first batch, which counted one request, unless said otherwise. */
export function batchOf(changes: Partial<Batch> = {}): Batch {
  return {
    format: FORMAT,
    isolate: "a",
    seq: 1,
    counts: new Map([["requests api allowed", 1]]),
    keys: new Map(),
    gauges: { sockets: 0, openBreakers: 0 },
    ...changes,
  };
}

/** Keeps copies, as storage does. */
export function memoryStorage(): AggregateStorage & {
  readonly values: Map<string, unknown>;
  writes: number;
} {
  const values = new Map<string, unknown>();
  return {
    values,
    writes: 0,
    get: (key) => structuredClone(values.get(key)),
    put(key, value) {
      this.writes += 1;
      values.set(key, structuredClone(value));
    },
  };
}

/** What becomes of a call of a metrics object: `lose` counts, and then its answer is lost. */
export type Fault = "none" | "throw" | "lose" | "hang";

/** Metrics objects, with isolates that report to them. The clock is vitest's. */
export function createObjects() {
  const storages = Array.from({ length: SHARDS }, memoryStorage);
  let aggregates = storages.map((storage) => createAggregate(storage, Date.now));
  let fault: Fault = "none";
  const calls: { shard: number; batch: Batch }[] = [];

  function shardOf(shard: number): Shard {
    return {
      async add(batch) {
        calls.push({ shard, batch });
        if (fault === "throw") throw new Error("the object is broken");
        if (fault === "hang") return new Promise(() => {});
        const reply = aggregates[shard]?.add(structuredClone(batch));
        if (fault === "lose") throw new Error("the answer is lost");
        return reply;
      },
      read: async () => structuredClone(aggregates[shard]?.read()),
    };
  }

  const shards = createShards(shardOf);
  return {
    calls,
    shards,
    shardOf,
    storages,
    setFault(next: Fault) {
      fault = next;
    },
    /** Every object loses its memory. */
    evict() {
      aggregates = storages.map((storage) => createAggregate(storage, Date.now));
    },
    /** A new isolate. */
    isolate(changes: { publish?: (counts: Counts) => void } = {}): Metrics {
      return createMetrics({ now: Date.now, waitUntil: () => {}, send: shards.send, ...changes });
    },
  };
}

/** Lets time pass, and everything that waits for it happen. */
export const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
