import { describe, expect, it } from "vitest";
import { exposition } from "../../src/metrics/exposition.ts";
import { snapshotOf } from "../../src/metrics/snapshot.ts";
import { START_MS } from "./fixtures.ts";

const EMPTY = snapshotOf([], START_MS);

/** The samples of a metric, without `rate_limit_`. */
function samples(
  totals: Readonly<Record<string, number>>,
  name: string,
  policies: readonly string[] = [],
): string[] {
  const lines = exposition({ ...EMPTY, totals }, policies).split("\n");
  return lines.filter((line) => line.startsWith(`rate_limit_${name}`)).map((line) => line.slice(11));
}

describe("metrics in Prometheus' text format", () => {
  it("have one line for each series, sorted", () => {
    const totals = { "requests b allowed": 1, "requests a refused": 2, "requests a allowed": 3 };
    expect(samples(totals, "requests_total")).toEqual([
      'requests_total{policy="a",decision="allowed"} 3',
      'requests_total{policy="a",decision="refused"} 2',
      'requests_total{policy="b",decision="allowed"} 1',
    ]);
  });

  it("show every decision of every configured policy from the start", () => {
    expect(samples({ "requests api refused": 2 }, "requests_total", ["api"])).toEqual([
      'requests_total{policy="api",decision="allowed"} 0',
      'requests_total{policy="api",decision="degraded"} 0',
      'requests_total{policy="api",decision="refused"} 2',
      'requests_total{policy="api",decision="shadow_refused"} 0',
    ]);
    expect(samples({}, "near_limit_total", ["api"])).toEqual(['near_limit_total{policy="api"} 0']);
    expect(samples({}, "hits_total")).toEqual([
      'hits_total{limit_type="http"} 0',
      'hits_total{limit_type="ws_connection"} 0',
      'hits_total{limit_type="ws_message"} 0',
    ]);
  });

  it("add the store's times up to a histogram in seconds", () => {
    const totals = { "store_ms 1": 2, "store_ms 50": 3, "store_ms Infinity": 1, "store_ms sum": 1_234 };
    const lines = samples(totals, "store_seconds");
    expect(lines).toContain('store_seconds_bucket{le="0.001"} 2');
    expect(lines).toContain('store_seconds_bucket{le="0.02"} 2');
    expect(lines).toContain('store_seconds_bucket{le="0.05"} 5');
    expect(lines.slice(-3)).toEqual([
      'store_seconds_bucket{le="+Inf"} 6',
      "store_seconds_sum 1.234",
      "store_seconds_count 6",
    ]);
  });

  it("have gauges, and counters without labels", () => {
    const text = exposition({ ...EMPTY, connections: 4, totals: { metrics_dropped: 2 } }, []);
    expect(text).toContain("\nrate_limit_connections 4\n");
    expect(text).toContain("\nrate_limit_metrics_dropped_total 2\n");
    expect(text).toContain("\nrate_limit_open_breakers 0\n");
  });

  it("escape what a label's value cannot hold", () => {
    expect(samples({ 'near_limit a"b\\c\nd': 1 }, "near_limit_total")).toEqual([
      'near_limit_total{policy="a\\"b\\\\c\\nd"} 1',
    ]);
  });

  it("leave out what a later release may count", () => {
    expect(exposition({ ...EMPTY, totals: { "unheard of": 1 } }, [])).not.toContain("unheard");
  });
});
