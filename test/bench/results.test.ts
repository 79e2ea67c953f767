import { describe, expect, it } from "vitest";
import { addedRatio, cpuRatio, resultOf } from "../../bench/results.ts";
import { NOTHING, withCpu } from "./fixtures.ts";

const ROW = { id: "row", label: "a row" };

describe("CPU time", () => {
  const measured = withCpu({ forward: [100, 200, 100], row: [300, 500, 250], other: [200, 400, 150] });

  it("is compared with forwarding in the same round", () => {
    const { cpu } = resultOf(ROW, measured);
    expect(cpu[0]?.ratio).toEqual({ median: 2.5, min: 2.5, max: 3 });
  });

  it("is told as what it adds to forwarding, too", () => {
    const { cpu } = resultOf(ROW, measured);
    expect(cpu[0]?.addedUs).toEqual({ median: 200, min: 150, max: 300 });
  });

  it("of two rows is compared in the same round", () => {
    expect(cpuRatio(measured, "row", "other")?.median).toBe(1.5);
  });

  it("that two rows add to forwarding is compared in the same round", () => {
    expect(addedRatio(measured, "row", "other")).toEqual({ median: 2, min: 1.5, max: 3 });
  });

  it("of a row that a run left out is compared with nothing", () => {
    expect(cpuRatio(measured, "row", "elsewhere")).toBeUndefined();
  });
});

it("what callers wait longer is the median of what each round added", () => {
  const latency = new Map([
    ["forward", [latencyOf(1, 2), latencyOf(2, 90), latencyOf(1, 3)]],
    ["row", [latencyOf(21, 24), latencyOf(23, 25), latencyOf(22, 26)]],
  ]);
  expect(resultOf(ROW, { ...NOTHING, latency }).addedMs).toEqual({ p50: 21, p99: 22 });
});

it("what was not measured of a row is not there", () => {
  expect(resultOf(ROW, NOTHING)).toEqual({ ...ROW, cpu: {} });
});

const latencyOf = (p50: number, p99: number) => ({ p50, p99 });
