import { describe, expect, it } from "vitest";
import { createAggregate } from "../../src/metrics/aggregate.ts";
import type { Counts } from "../../src/metrics/series.ts";
import { batchOf, memoryStorage, START_MS } from "./fixtures.ts";

const MINUTE_MS = 60_000;

function open(storage = memoryStorage()) {
  let nowMs = START_MS;
  let aggregate = createAggregate(storage, () => nowMs);
  return {
    storage,
    add: (changes: Parameters<typeof batchOf>[0] = {}) => aggregate.add(batchOf(changes)),
    read: () => aggregate.read(),
    setTime(ms: number) {
      nowMs = ms;
    },
    evict() {
      aggregate = createAggregate(storage, () => nowMs);
    },
  };
}

const counted = (n: number): Counts => new Map([["requests api allowed", n]]);

describe("a metrics object", () => {
  it("adds up the batches of all isolates", () => {
    const { add, read } = open();
    add({ counts: counted(2) });
    add({ isolate: "b", counts: new Map([...counted(3), ["hits http", 1]]) });
    expect(read().counts).toEqual(new Map([...counted(5), ["hits http", 1]]));
  });

  it("counts a batch once that comes twice, also after it was evicted from memory in between", () => {
    const { add, read, evict } = open();
    add({ seq: 7, counts: counted(2) });
    add({ seq: 7, counts: counted(2) });
    evict();
    add({ seq: 7, counts: counted(2) });
    add({ seq: 8, counts: counted(1) });
    expect(read().counts).toEqual(counted(3));
  });

  it("ignores a batch that was overtaken", () => {
    const { add, read } = open();
    add({ seq: 8, counts: counted(1) });
    add({ seq: 7, counts: counted(2) });
    expect(read().counts).toEqual(counted(1));
  });

  it("keeps everything when it is evicted from memory", () => {
    const { add, read, evict, setTime } = open();
    const keys = new Map([["api", new Map([["digest", [4, 1] as const]])]]);
    add({ counts: counted(2), keys, gauges: { sockets: 3, openBreakers: 1 } });
    setTime(START_MS + MINUTE_MS);
    add({ seq: 2, counts: counted(1), gauges: { sockets: 3, openBreakers: 1 } });
    const before = structuredClone(read());
    evict();
    expect(read()).toEqual(before);
    expect(before.gauges).toEqual({ sockets: 3, openBreakers: 1 });
    expect(before.keys).toEqual(keys);
  });

  it("writes one value for a batch, one more when a minute is over, and none for a batch that it knows", () => {
    const { add, storage, setTime } = open();
    add();
    add({ seq: 2 });
    expect(storage.writes).toBe(2);
    setTime(START_MS + MINUTE_MS);
    add({ seq: 3 });
    expect(storage.writes).toBe(4);
    add({ seq: 3 });
    expect(storage.writes).toBe(4);
  });

  it("forgets from its memory what it could not write, so that it may come again", () => {
    const storage = memoryStorage();
    const { add, read } = open(storage);
    add();
    const { put } = storage;
    storage.put = () => {
      throw new Error("the disk is full");
    };
    expect(() => add({ seq: 2 })).toThrow("the disk is full");
    storage.put = put;
    expect(read().counts).toEqual(counted(1));
    add({ seq: 2 });
    expect(read().counts).toEqual(counted(2));
  });

  it("refuses a batch of a format that it does not know", () => {
    const { add, read } = open();
    expect(() => add({ format: 2 as never })).toThrow("format 2");
    expect(read().counts).toEqual(new Map());
  });

  it("begins afresh when it cannot read what is stored", () => {
    const { add, read, storage, evict } = open();
    add();
    storage.put("state", { format: 99 });
    evict();
    expect(read().counts).toEqual(new Map());
    add();
    expect(read().counts).toEqual(counted(1));
  });

  it("tells isolates how many they are, and forgets those silent for ten minutes", () => {
    const { add, setTime } = open();
    expect(add({ isolate: "a" })).toEqual({ isolates: 1 });
    setTime(START_MS + 300_000);
    expect(add({ isolate: "b" })).toEqual({ isolates: 2 });
    setTime(START_MS + 600_000);
    expect(add({ isolate: "c" })).toEqual({ isolates: 2 });
    add({ isolate: "b", seq: 2 });
    setTime(START_MS + 1_199_999);
    expect(add({ isolate: "b", seq: 3 })).toEqual({ isolates: 2 });
    setTime(START_MS + 1_200_000);
    expect(add({ isolate: "b", seq: 4 })).toEqual({ isolates: 1 });
  });

  it("remembers no more than 2,000 isolates: those that reported last", () => {
    // Copies would take most of the time.
    const { add, read } = open({ ...memoryStorage(), get: () => undefined, put: () => {} });
    for (let i = 0; i < 2_001; i++) add({ isolate: `i${i}`, counts: new Map() });
    expect(add({ isolate: "i2000" })).toEqual({ isolates: 2_000 });
    add({ isolate: "i0" });
    expect(read().counts).toEqual(counted(1));
  });

  it("holds no more than 5,000 series, and says what is missing", () => {
    const { add, read } = open();
    const many = new Map(Array.from({ length: 5_002 }, (_, i) => [`requests p${i} allowed`, 2]));
    add({ counts: many });
    expect(read().counts.size).toBe(5_001);
    expect(read().counts.get("metrics_dropped")).toBe(4);
  });
});

describe("a metrics object and gauges", () => {
  it("sums what isolates last said", () => {
    const { add, read } = open();
    add({ gauges: { sockets: 3, openBreakers: 1 } });
    add({ isolate: "b", gauges: { sockets: 4, openBreakers: 1 } });
    add({ seq: 2, gauges: { sockets: 1, openBreakers: 0 } });
    expect(read().gauges).toEqual({ sockets: 5, openBreakers: 1 });
  });

  it("leaves out an isolate that has been silent for 90 seconds", () => {
    const { add, read, setTime } = open();
    add({ gauges: { sockets: 3, openBreakers: 0 } });
    setTime(START_MS + 89_999);
    expect(read().gauges.sockets).toBe(3);
    setTime(START_MS + 90_000);
    expect(read().gauges.sockets).toBe(0);
  });
});

describe("a metrics object and the last hour", () => {
  const minuteOf = (ms: number) => Math.floor(ms / MINUTE_MS);

  it("counts by the minute in which a batch came", () => {
    const { add, read, setTime } = open();
    add({ counts: counted(1) });
    setTime(START_MS + 3 * MINUTE_MS);
    add({ seq: 2, counts: counted(2) });
    add({ seq: 3, counts: counted(4) });
    const first = minuteOf(START_MS);
    expect(read().minutes).toEqual(
      new Map([
        [first, counted(1)],
        [first + 3, counted(6)],
      ]),
    );
  });

  it("shows sixty minutes, and keeps no more", () => {
    const { add, read, setTime, storage } = open();
    for (let i = 0; i < 200; i++) {
      setTime(START_MS + i * MINUTE_MS);
      add({ seq: i + 1 });
    }
    const last = minuteOf(START_MS) + 199;
    expect([...read().minutes.keys()].toSorted()).toEqual(
      Array.from({ length: 60 }, (_, i) => last - 59 + i),
    );
    expect(storage.values.size).toBe(61);
    setTime(START_MS + 230 * MINUTE_MS);
    expect(read().minutes.size).toBe(29);
    setTime(START_MS + 300 * MINUTE_MS);
    expect(read().minutes.size).toBe(0);
    expect(read().counts).toEqual(counted(200));
  });

  it("goes on with the newest minute when its clock runs back", () => {
    const { add, read, setTime } = open();
    add();
    setTime(START_MS - 10 * MINUTE_MS);
    add({ seq: 2 });
    expect(read().minutes).toEqual(new Map([[minuteOf(START_MS), counted(2)]]));
  });

  it("forgets which keys were refused after this half hour and the next", () => {
    const { add, read, setTime, storage } = open();
    const keys = (key: string) => new Map([["api", new Map([[key, [1, 0] as const]])]]);
    const half = Math.ceil(START_MS / 1_800_000) * 1_800_000;
    setTime(half);
    add({ keys: keys("early") });
    setTime(half + 1_800_000);
    add({ seq: 2, keys: keys("late") });
    setTime(half + 3_599_999);
    expect([...(read().keys.get("api") ?? [])].map(([key]) => key)).toEqual(["early", "late"]);
    setTime(half + 3_600_000);
    expect([...(read().keys.get("api") ?? [])].map(([key]) => key)).toEqual(["late"]);
    setTime(half + 3 * 1_800_000);
    add({ seq: 3 });
    const { keys: kept } = storage.values.get("state") as { keys: Map<number, unknown> };
    expect([...kept.keys()]).toEqual([half / 1_800_000 + 3]);
  });
});
