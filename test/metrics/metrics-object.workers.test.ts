import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { createMetrics } from "../../src/metrics/metrics.ts";
import type { MetricsObject } from "../../src/metrics/metrics-object.ts";
import { createShards, type Shard } from "../../src/metrics/shards.ts";
import { snapshotOf } from "../../src/metrics/snapshot.ts";
import { batchOf } from "./fixtures.ts";

const objects = (env as unknown as { METRICS: DurableObjectNamespace<MetricsObject> }).METRICS;

describe("a metrics object in the runtime", () => {
  it("keeps counts, gauges, minutes and keys when it is evicted from memory", async () => {
    const stub = objects.getByName("eviction");
    const keys = new Map([["api", new Map([["digest", [3, 1] as const]])]]);
    await stub.add(batchOf({ keys, gauges: { sockets: 2, openBreakers: 1 } }));
    const before = await stub.read();
    await evictDurableObject(stub);
    const after = await stub.read();
    expect(after).toEqual(before);
    expect(after.counts).toEqual(new Map([["requests api allowed", 1]]));
    expect(after.gauges).toEqual({ sockets: 2, openBreakers: 1 });
    expect(after.keys).toEqual(keys);
    expect([...after.minutes.values()]).toEqual([after.counts]);
  });

  it("counts a batch once that comes again after an eviction", async () => {
    const stub = objects.getByName("again");
    await stub.add(batchOf());
    await evictDurableObject(stub);
    expect(await stub.add(batchOf())).toEqual({ isolates: 1 });
    expect((await stub.read()).counts).toEqual(new Map([["requests api allowed", 1]]));
  });

  it("keeps one value with a format number", async () => {
    const stub = objects.getByName("format");
    await stub.add(batchOf());
    await stub.add(batchOf({ seq: 2 }));
    const stored = await runInDurableObject(stub, (_, state) => [...state.storage.kv.list()]);
    expect(stored).toEqual([["state", expect.objectContaining({ format: 1 })]]);
  });

  it("adds up what isolates count, over RPC", async () => {
    const shards = createShards((shard) => objects.getByName(`sum:${shard}`) as unknown as Shard);
    for (let i = 0; i < 20; i++) {
      const metrics = createMetrics({ now: Date.now, waitUntil: () => {}, send: shards.send });
      metrics.count("requests api refused", i);
      metrics.refused("api", `digest${i % 2}`);
      await metrics.flush();
    }
    const { totals, topRefused } = snapshotOf(await shards.read(), Date.now());
    expect(totals).toEqual({ "requests api refused": 190 });
    expect(topRefused.api?.map(({ refusals }) => refusals)).toEqual([10, 10]);
  });
});
