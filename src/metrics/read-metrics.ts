import type { Metrics } from "./metrics.ts";
import type { Shards } from "./shards.ts";
import { type MetricsSnapshot, snapshotOf } from "./snapshot.ts";

/** What all isolates have counted; this one sends first what it has. Rejects when a metrics object does not answer. */
export type ReadMetrics = () => Promise<MetricsSnapshot>;

export function createReadMetrics(metrics: Metrics, shards: Shards, now: () => number): ReadMetrics {
  return async () => {
    // Else it comes with a later one.
    await metrics.flush().catch(() => {});
    return snapshotOf(await shards.read(), now());
  };
}
