import { describe, expect, it } from "vitest";
import { FORMAT, type Report } from "../../src/metrics/protocol.ts";
import { quantileMs, snapshotOf } from "../../src/metrics/snapshot.ts";
import { START_MS } from "./fixtures.ts";

const MINUTE = Math.floor(START_MS / 60_000);

const reportOf = (changes: Partial<Report> = {}): Report => ({
  format: FORMAT,
  counts: new Map(),
  gauges: { sockets: 0, openBreakers: 0 },
  minutes: new Map(),
  keys: new Map(),
  ...changes,
});

describe("a snapshot", () => {
  it("sums what all objects know", () => {
    const one = reportOf({
      counts: new Map([["requests api allowed", 2]]),
      gauges: { sockets: 1, openBreakers: 1 },
      minutes: new Map([[MINUTE, new Map([["requests api allowed", 2]])]]),
      keys: new Map([["api", new Map([["often", [9, 1] as const]])]]),
    });
    const other = reportOf({
      counts: new Map([
        ["requests api allowed", 3],
        ["hits http", 1],
      ]),
      gauges: { sockets: 4, openBreakers: 0 },
      minutes: new Map([
        [MINUTE, new Map([["requests api allowed", 1]])],
        [MINUTE - 1, new Map([["hits http", 1]])],
      ]),
      keys: new Map([
        [
          "api",
          new Map([
            ["often", [2, 0] as const],
            ["seldom", [1, 0] as const],
          ]),
        ],
      ]),
    });
    expect(snapshotOf([one, reportOf(), other], START_MS)).toEqual({
      at: START_MS,
      totals: { "requests api allowed": 5, "hits http": 1 },
      connections: 5,
      lastHour: [
        { at: (MINUTE - 1) * 60_000, counts: { "hits http": 1 } },
        { at: MINUTE * 60_000, counts: { "requests api allowed": 3 } },
      ],
      topRefused: {
        api: [
          { key: "often", refusals: 11, error: 1 },
          { key: "seldom", refusals: 1, error: 0 },
        ],
      },
      store: { calls: 0, errors: 0, p50Ms: null, p95Ms: null, p99Ms: null, openBreakers: 1 },
    });
  });

  it("shows the 32 keys that were refused most", () => {
    const keys = Array.from({ length: 40 }, (_, i) => [`k${i}`, [i + 1, 0] as const] as const);
    const { topRefused } = snapshotOf([reportOf({ keys: new Map([["api", new Map(keys)]]) })], START_MS);
    expect(topRefused.api?.map(({ refusals }) => refusals)).toEqual(
      Array.from({ length: 32 }, (_, i) => 40 - i),
    );
  });

  it("judges the store's health by the last five minutes", () => {
    const counts = new Map([
      ["store_ms 10", 98],
      ["store_ms 500", 2],
      ["store_errors upstash timeout", 1],
      ["store_errors upstash other", 2],
    ]);
    const minutes = new Map([
      [MINUTE - 5, new Map([["store_ms 1000", 1_000]])],
      [MINUTE - 4, counts],
    ]);
    const { store } = snapshotOf([reportOf({ minutes })], MINUTE * 60_000);
    expect(store).toMatchObject({ calls: 100, errors: 3 });
    expect(store.p50Ms).toBeCloseTo(5 + (5 * 50) / 98);
    expect(store.p95Ms).toBeCloseTo(5 + (5 * 95) / 98);
    expect(store.p99Ms).toBe(350);
  });

  it("is JSON as it is", () => {
    const counts = new Map([["store_ms Infinity", 1]]);
    const minutes = new Map([[MINUTE, counts]]);
    const keys = new Map([["api", new Map([["digest", [1, 0] as const]])]]);
    const snapshot = snapshotOf([reportOf({ counts, minutes, keys })], START_MS);
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
  });
});

describe("a quantile of the store's times", () => {
  it.each([
    ["nothing", {}, 0.5, null],
    ["one bucket", { 2: 10 }, 0.5, 1.5],
    ["the first bucket, which begins at 0", { 1: 4 }, 0.25, 0.25],
    ["what is beyond all buckets, as much as can be said", { Infinity: 4 }, 0.5, 1_000],
    ["several buckets", { 1: 50, 10: 50 }, 0.75, 7.5],
  ])("of %s", (_, buckets, share, expected) => {
    const counts = new Map(Object.entries(buckets).map(([endMs, n]) => [`store_ms ${endMs}`, n]));
    expect(quantileMs(counts, share)).toEqual(expected);
  });
});
