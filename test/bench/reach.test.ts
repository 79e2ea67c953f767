import { describe, expect, it } from "vitest";
import { CONTENDERS } from "../../bench/contenders.ts";
import { type Verdict, verdicts } from "../../bench/reach.ts";
import { type Measured, resultOf } from "../../bench/results.ts";
import { NOTHING, withCpu } from "./fixtures.ts";

const reachOf = (measured: Measured) =>
  verdicts(
    measured,
    CONTENDERS.map((contender) => resultOf(contender, measured)),
  );

/** The only goal of the only case that was measured. */
const goalOf = (measured: Measured) => reachOf(measured)[0]?.goals[0];

const calls = (store: number, commands = 0) => ({ store, commands, scripts: 0, byName: {} });
const loot = (most: number) => ({ most, failed: 0 });
const named = (found: readonly Verdict[], name: string) =>
  found.find((verdict) => verdict.case === name)?.goals;

describe("CPU time", () => {
  it.each([
    [125, true],
    [126, false],
  ])("of %i for a known refusal, where a bare 429 takes 100, is reached: %s", (us, reached) => {
    expect(goalOf(withCpu({ "weir-refused": [us], "bare-429": [100] }))?.reached).toBe(reached);
  });

  it("of one policy on Redis is compared in what it adds to forwarding", () => {
    const measured = withCpu({ forward: [100], "weir-upstash-1": [160], "upstash-1": [200] });
    expect(goalOf(measured)).toMatchObject({ wanted: 0.6, found: 0.6, reached: true });
  });

  it("tells the spread of its rounds", () => {
    const measured = withCpu({ "weir-objects-1": [80, 90, 100], counter: [100, 100, 100] });
    expect(goalOf(measured)).toMatchObject({ found: 0.9, spread: { min: 0.8, max: 1 }, reached: false });
  });
});

describe("calls and commands", () => {
  it("of three policies on Redis are one and five", () => {
    const found = named(
      reachOf({ ...NOTHING, calls: new Map([["weir-upstash-3", calls(1, 5)]]) }),
      "upstash, 3 policies",
    );
    expect(found?.map(({ reached }) => reached)).toEqual([true, true]);
  });

  it("of a known refusal are none: a single one is too many", () => {
    expect(goalOf({ ...NOTHING, calls: new Map([["weir-refused", calls(0.01)]]) })?.reached).toBe(false);
  });

  it("of two objects asked one after the other show in what callers wait", () => {
    const latency = new Map([
      ["forward", [{ p50: 1, p99: 1 }]],
      ["weir-objects-3", [{ p50: 42, p99: 50 }]],
    ]);
    expect(goalOf({ ...NOTHING, latency })).toMatchObject({ what: "added p50, in parallel", reached: false });
  });
});

describe("admitted too much", () => {
  it("is what any adversary had of any row of Weir", () => {
    const admitted = new Map([
      ["weir-objects-1", { early: loot(10), late: loot(9) }],
      ["weir-upstash-1", { early: loot(10), late: loot(11) }],
    ]);
    expect(goalOf({ ...NOTHING, admitted })).toMatchObject({ found: 11, reached: false });
  });

  it("says nothing of the peers", () => {
    expect(reachOf({ ...NOTHING, admitted: new Map([["upstash-1", { late: loot(19) }]]) })).toEqual([]);
  });
});

it("a bundle is measured in KiB", () => {
  const bundleBytes = new Map([["weir-local", 45 * 1_024]]);
  expect(goalOf({ ...NOTHING, bundleBytes })).toMatchObject({ found: 45, unit: " KiB", reached: true });
});

it("what a run left out is left out", () => {
  expect(reachOf(NOTHING)).toEqual([]);
});
