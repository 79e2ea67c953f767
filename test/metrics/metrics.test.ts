import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createMetrics } from "../../src/metrics/metrics.ts";
import type { Batch } from "../../src/metrics/protocol.ts";
import type { Series } from "../../src/metrics/series.ts";
import { createShards, SHARDS } from "../../src/metrics/shards.ts";
import { snapshotOf } from "../../src/metrics/snapshot.ts";
import { createObjects, type Fault, pass, START_MS } from "./fixtures.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS });
});
afterEach(() => {
  vi.useRealTimers();
});

/** What waits for a timer waits for ever. */
function dropTimers(): void {
  const nowMs = Date.now();
  vi.clearAllTimers();
  vi.setSystemTime(nowMs);
}

const ALLOWED = "requests api allowed";

async function snapshot({ shards }: ReturnType<typeof createObjects>) {
  return snapshotOf(await shards.read(), Date.now());
}

describe("what an isolate counts", () => {
  it("arrives within five seconds of the first count, in one call", async () => {
    const objects = createObjects();
    const metrics = objects.isolate();
    for (let i = 0; i < 100; i++) metrics.count(ALLOWED);
    await pass(4_999);
    metrics.count(ALLOWED);
    expect(objects.calls).toEqual([]);
    await pass(1);
    expect(objects.calls).toHaveLength(1);
    expect((await snapshot(objects)).totals).toEqual({ [ALLOWED]: 101 });
  });

  it("is sent no more often than every five seconds, and not at all while there is nothing", async () => {
    const objects = createObjects();
    const metrics = objects.isolate();
    for (let i = 0; i < 1_000; i++) {
      metrics.count(ALLOWED);
      await pass(100);
    }
    expect(objects.calls.length).toBeLessThanOrEqual(20);
    await pass(5_000);
    const sent = objects.calls.length;
    await pass(600_000);
    expect(objects.calls).toHaveLength(sent);
    expect((await snapshot(objects)).totals).toEqual({ [ALLOWED]: 1_000 });
  });

  it("is sent no more often for the rest of an isolate's life after it was read often", async () => {
    const objects = createObjects();
    const metrics = objects.isolate();
    for (let i = 0; i < 60; i++) {
      metrics.count(ALLOWED);
      await pass(370);
      await metrics.flush();
    }
    const before = objects.calls.length;
    for (let i = 0; i < 600; i++) {
      metrics.count(ALLOWED);
      await pass(100);
    }
    expect(objects.calls.length - before).toBeLessThanOrEqual(13);
  });

  it("always goes to the same object, and of many isolates to all of them", async () => {
    const objects = createObjects();
    for (let i = 0; i < 400; i++) {
      const metrics = objects.isolate();
      metrics.count(ALLOWED);
      await metrics.flush();
      metrics.count(ALLOWED);
      await metrics.flush();
    }
    const shardsOf = Map.groupBy(objects.calls, ({ batch }) => batch.isolate);
    expect([...shardsOf.values()].every((calls) => new Set(calls.map(({ shard }) => shard)).size === 1)).toBe(
      true,
    );
    expect(new Set(objects.calls.map(({ shard }) => shard)).size).toBe(SHARDS);
    expect((await snapshot(objects)).totals).toEqual({ [ALLOWED]: 800 });
  });

  it("is sent less often when more isolates share an object than it takes batches from", async () => {
    const sent: number[] = [];
    const send = async () => {
      sent.push(Date.now());
      return { isolates: 1_200 };
    };
    const metrics = createMetrics({ now: Date.now, waitUntil: () => {}, send });
    for (let i = 0; i < 600; i++) {
      metrics.count(ALLOWED);
      await pass(100);
    }
    // 1,200 isolates at 100 batches a second: every 12 seconds.
    const gaps = sent.slice(1).map((ms, i) => ms - (sent[i] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(12_000);
    expect(sent.length).toBeGreaterThanOrEqual(4);
  });

  it("names keys by digest, with the policy that refused them", async () => {
    const objects = createObjects();
    const metrics = objects.isolate();
    metrics.count("requests api refused");
    metrics.refused("api", "digest");
    await pass(5_000);
    metrics.count("requests api refused");
    metrics.refused("api", "digest");
    await pass(5_000);
    expect((await snapshot(objects)).topRefused).toEqual({ api: [{ key: "digest", refusals: 2, error: 0 }] });
  });

  it("counts how long store calls took, in buckets", async () => {
    const objects = createObjects();
    const metrics = objects.isolate();
    for (const ms of [0, 1, 2, 40, 5_000]) metrics.storeTook(ms);
    await pass(5_000);
    expect((await snapshot(objects)).totals).toEqual({
      "store_ms 1": 2,
      "store_ms 2": 1,
      "store_ms 50": 1,
      "store_ms Infinity": 1,
      "store_ms sum": 5_043,
    });
  });

  it("is published once, also when it is sent again", async () => {
    const objects = createObjects();
    const published: unknown[] = [];
    const metrics = objects.isolate({ publish: (counts) => published.push([...counts]) });
    objects.setFault("throw");
    metrics.count(ALLOWED);
    await pass(5_000);
    objects.setFault("none");
    metrics.count(ALLOWED);
    await pass(5_000);
    expect(published).toEqual([[[ALLOWED, 1]], [[ALLOWED, 1]]]);
    expect((await snapshot(objects)).totals).toEqual({ [ALLOWED]: 2 });
  });

  it("is published also when there is no object to send it to", async () => {
    const published: unknown[] = [];
    const metrics = createMetrics({
      now: Date.now,
      waitUntil: () => {},
      send: undefined,
      publish: (counts) => published.push([...counts]),
    });
    metrics.count(ALLOWED);
    await pass(5_000);
    metrics.count(ALLOWED);
    await pass(5_000);
    expect(published).toEqual([[[ALLOWED, 1]], [[ALLOWED, 1]]]);
  });

  it("does not depend on who publishes it", async () => {
    const objects = createObjects();
    const metrics = objects.isolate({
      publish: () => {
        throw new Error("no dataset");
      },
    });
    metrics.count(ALLOWED);
    await pass(5_000);
    expect((await snapshot(objects)).totals).toEqual({ [ALLOWED]: 1 });
  });
});

describe("the sum over all isolates", () => {
  interface Row {
    readonly isolate: number;
    readonly series: Series;
    readonly waitMs: number;
    readonly fault: Fault;
    readonly evict: boolean;
  }
  const anyRow: fc.Arbitrary<Row> = fc.record({
    isolate: fc.nat(4),
    series: fc.constantFrom<Series>(ALLOWED, "requests api refused", "hits http", "near_limit api"),
    waitMs: fc.constantFrom(0, 0, 1, 3_000, 5_000, 9_000),
    fault: fc.constantFrom<Fault>("none", "none", "throw", "lose", "hang"),
    evict: fc.boolean(),
  });

  it("is the sum of all rows, however they are split, and whatever fails or is lost on the way", async () => {
    const property = fc.asyncProperty(fc.array(anyRow, { maxLength: 40 }), async (rows) => {
      vi.setSystemTime(START_MS);
      const objects = createObjects();
      const isolates = Array.from({ length: 5 }, () => objects.isolate());
      const expected: Record<string, number> = {};
      for (const { isolate, series, waitMs, fault, evict } of rows) {
        objects.setFault(fault);
        if (evict) objects.evict();
        isolates[isolate]?.count(series);
        expected[series] = (expected[series] ?? 0) + 1;
        await pass(waitMs);
      }
      objects.setFault("none");
      await pass(10_000);
      for (const metrics of isolates) await metrics.flush();
      const { totals, lastHour } = await snapshot(objects);
      expect(totals).toEqual(expected);
      const inHour: Record<string, number> = {};
      for (const { counts } of lastHour)
        for (const [series, n] of Object.entries(counts)) inHour[series] = (inHour[series] ?? 0) + n;
      expect(inHour).toEqual(expected);
    });
    await fc.assert(property, { numRuns: 60 });
  });
});

describe("while metrics objects fail", () => {
  it.each<Fault>(["throw", "hang", "lose"])(
    "(%s) what was counted is kept, and counts once they are back",
    async (fault) => {
      const objects = createObjects();
      const metrics = objects.isolate();
      objects.setFault(fault);
      for (let i = 0; i < 100; i++) {
        metrics.count(ALLOWED);
        await pass(1_000);
      }
      objects.setFault("none");
      metrics.count(ALLOWED);
      await pass(20_000);
      await metrics.flush();
      expect((await snapshot(objects)).totals).toEqual({ [ALLOWED]: 101 });
    },
  );

  it("an isolate holds one batch and what it counts meanwhile, gives the batch up after nine minutes, and says so", async () => {
    const objects = createObjects();
    const metrics = objects.isolate();
    objects.setFault("throw");
    metrics.count(ALLOWED, 7);
    metrics.count("hits http", 5);
    await pass(5_000);
    for (let i = 0; i < 541; i++) {
      metrics.count(ALLOWED);
      await pass(1_000);
    }
    objects.setFault("none");
    metrics.count(ALLOWED);
    await pass(20_000);
    await metrics.flush();
    const { totals } = await snapshot(objects);
    expect(totals.metrics_dropped).toBe(7);
    expect(totals[ALLOWED]).toBe(542);
    expect(totals["hits http"]).toBeUndefined();
  });

  it("a batch is sent again also when its isolate had nothing to do for eight minutes", async () => {
    const objects = createObjects();
    const metrics = objects.isolate();
    objects.setFault("throw");
    metrics.count(ALLOWED);
    await pass(5_000);
    objects.setFault("none");
    await pass(480_000);
    metrics.count(ALLOWED);
    await pass(5_000);
    expect((await snapshot(objects)).totals).toEqual({ [ALLOWED]: 2 });
  });

  it("only the log hears of it: counting never throws, and what waits never rejects", async () => {
    const objects = createObjects();
    const work: Promise<unknown>[] = [];
    const reported: unknown[] = [];
    const metrics = createMetrics({
      now: Date.now,
      waitUntil: (one) => work.push(one),
      send: () => {
        throw new Error("no stub");
      },
      report: (error) => reported.push(String(error)),
    });
    metrics.count(ALLOWED);
    await pass(5_000);
    await expect(Promise.all(work)).resolves.toHaveLength(1);
    expect(reported).toEqual(["Error: no stub"]);
    expect(objects.calls).toEqual([]);
  });

  it("a late answer to one flush does not lose what the next one could not send", async () => {
    const objects = createObjects();
    const answers: (() => void)[] = [];
    let isSlow = true;
    const metrics = createMetrics({
      now: Date.now,
      waitUntil: () => {},
      send: async (batch) => {
        const reply = await objects.shards.send(batch);
        if (isSlow) await new Promise<void>((answer) => answers.push(answer));
        return reply;
      },
    });
    metrics.count(ALLOWED);
    const first = metrics.flush();
    await pass(0);
    isSlow = false;
    await metrics.flush();
    metrics.count(ALLOWED);
    objects.setFault("throw");
    await metrics.flush().catch(() => {});
    answers[0]?.();
    await first;
    objects.setFault("none");
    await metrics.flush();
    expect((await snapshot(objects)).totals).toEqual({ [ALLOWED]: 2 });
  });

  it("flushes wait for an answer no longer than three seconds", async () => {
    const work: Promise<unknown>[] = [];
    const send = () => new Promise<never>(() => {});
    const metrics = createMetrics({ now: Date.now, waitUntil: (one) => work.push(one), send });
    metrics.count(ALLOWED);
    let isOver = false;
    void work[0]?.then(() => {
      isOver = true;
    });
    await pass(7_999);
    expect(isOver).toBe(false);
    await pass(1);
    expect(isOver).toBe(true);
  });
});

describe("where a request's work is cut off", () => {
  it("the next count schedules another flush", async () => {
    const sent: Batch[] = [];
    let cut = true;
    const send = async (batch: Batch) => {
      if (cut) return new Promise<never>(() => {});
      sent.push(batch);
      return { isolates: 1 };
    };
    const metrics = createMetrics({ now: Date.now, waitUntil: () => {}, send });
    metrics.count(ALLOWED);
    // Its timer dies with its request.
    dropTimers();
    metrics.count(ALLOWED);
    await pass(8_000);
    expect(sent).toEqual([]);
    cut = false;
    metrics.count(ALLOWED);
    await pass(5_000);
    expect(sent.map(({ counts }) => counts.get(ALLOWED))).toEqual([3]);
  });

  it("outside of any request nothing is scheduled, until a request counts", async () => {
    const sent: Batch[] = [];
    let isInRequest = false;
    const metrics = createMetrics({
      now: Date.now,
      waitUntil: () => {
        if (!isInRequest) throw new Error("not in a request");
      },
      send: async (batch) => {
        sent.push(batch);
        return { isolates: 1 };
      },
    });
    expect(() => metrics.count(ALLOWED)).not.toThrow();
    dropTimers();
    isInRequest = true;
    metrics.count(ALLOWED);
    await pass(5_000);
    expect(sent.map(({ counts }) => counts.get(ALLOWED))).toEqual([2]);
  });
});

describe("open sockets", () => {
  it("are told of when they open and close", async () => {
    const objects = createObjects();
    const metrics = objects.isolate();
    const closes = [metrics.socketOpened(), metrics.socketOpened(), objects.isolate().socketOpened()];
    await pass(5_000);
    expect((await snapshot(objects)).connections).toBe(3);
    closes[0]?.();
    closes[0]?.();
    await pass(5_000);
    expect((await snapshot(objects)).connections).toBe(2);
    closes[1]?.();
    closes[2]?.();
    await pass(5_000);
    expect((await snapshot(objects)).connections).toBe(0);
  });

  it("are told of every half a minute while nothing else happens", async () => {
    const objects = createObjects();
    const close = objects.isolate().socketOpened();
    await pass(600_000);
    expect((await snapshot(objects)).connections).toBe(1);
    expect(objects.calls.length).toBeGreaterThanOrEqual(15);
    expect(objects.calls.length).toBeLessThanOrEqual(21);
    close();
    await pass(5_000);
    const sent = objects.calls.length;
    await pass(600_000);
    expect(objects.calls).toHaveLength(sent);
  });

  it("do not count when their isolate died", async () => {
    const objects = createObjects();
    objects.isolate().socketOpened();
    await pass(5_000);
    dropTimers();
    await pass(90_000);
    expect((await snapshot(objects)).connections).toBe(0);
  });

  it("do not count when their request ended without a word", async () => {
    const objects = createObjects();
    const metrics = objects.isolate();
    metrics.socketOpened();
    await pass(5_000);
    dropTimers();
    for (let i = 0; i < 7; i++) {
      metrics.count(ALLOWED);
      await pass(10_000);
    }
    expect((await snapshot(objects)).connections).toBe(0);
  });
});

it("an open circuit breaker is told of with what is counted", async () => {
  const objects = createObjects();
  const [one, other] = [objects.isolate(), objects.isolate()];
  one.breakerIs(true);
  for (const metrics of [one, other]) metrics.count(ALLOWED);
  await pass(5_000);
  expect((await snapshot(objects)).store.openBreakers).toBe(1);
  one.breakerIs(false);
  one.count(ALLOWED);
  await pass(5_000);
  expect((await snapshot(objects)).store.openBreakers).toBe(0);
});

it("reading rejects when one of the objects does not answer", async () => {
  const objects = createObjects();
  const shards = createShards((shard) => ({
    add: () => {},
    read: () => (shard === 3 ? new Promise(() => {}) : objects.shards.read()),
  }));
  const reading = shards.read().catch((error: Error) => error.message);
  await pass(5_000);
  expect(await reading).toBe("no answer within 5000 ms");
});
