import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createReadMetrics } from "../../src/metrics/read-metrics.ts";
import { createObjects, pass, START_MS } from "./fixtures.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("reading metrics", () => {
  it("shows also what this isolate has not sent yet", async () => {
    const objects = createObjects();
    const [own, other] = [objects.isolate(), objects.isolate()];
    for (const metrics of [own, other]) metrics.count("hits http");
    const read = createReadMetrics(own, objects.shards, Date.now);
    expect(await read()).toMatchObject({ at: START_MS, totals: { "hits http": 1 } });
    await pass(5_000);
    expect((await read()).totals).toEqual({ "hits http": 2 });
  });

  it("shows what is there when this isolate cannot send", async () => {
    const objects = createObjects();
    const [own, other] = [objects.isolate(), objects.isolate()];
    for (const metrics of [own, other]) metrics.count("hits http");
    await other.flush();
    objects.setFault("throw");
    expect((await createReadMetrics(own, objects.shards, Date.now)()).totals).toEqual({ "hits http": 1 });
  });
});
