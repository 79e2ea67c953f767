import { describe, expect, it } from "vitest";
import { Pace } from "../../src/store/pace.ts";
import { START_MS } from "./fixtures.ts";

/** A pace after so many units, every so often. */
function paceAfter(count: number, everyMs: number, units = 1) {
  const pace = new Pace();
  for (let i = 0; i < count; i++) pace.note(units, START_MS + i * everyMs);
  return { pace, lastMs: START_MS + (count - 1) * everyMs };
}

describe("a pace", () => {
  it("is nothing before anything was noted", () => {
    expect(new Pace().perSecond(START_MS)).toBe(0);
  });

  it.each([
    [10, 100],
    [100, 10],
    [1_000, 1],
  ])("of %i a second that come evenly is that, after five seconds, within 6 %%", (perSecond, everyMs) => {
    const { pace, lastMs } = paceAfter(5 * perSecond, everyMs);
    const measured = pace.perSecond(lastMs + everyMs);
    expect(Math.abs(measured / perSecond - 1)).toBeLessThan(0.06);
  });

  it("counts units, not how often", () => {
    const { pace, lastMs } = paceAfter(500, 10, 7);
    expect(Math.round(pace.perSecond(lastMs) / 70)).toBe(10);
  });

  it("of a burst is forgotten: a third after a second, hardly anything after five", () => {
    const { pace } = paceAfter(100, 0);
    expect(pace.perSecond(START_MS)).toBe(100);
    expect(pace.perSecond(START_MS + 1_000)).toBeCloseTo(36.8, 1);
    expect(pace.perSecond(START_MS + 5_000)).toBeLessThan(1);
  });

  it("of one in three seconds shows nothing to take ahead for", () => {
    const { pace, lastMs } = paceAfter(100, 3_000);
    expect(pace.perSecond(lastMs + 3_000)).toBeLessThan(0.06);
  });

  it("begins afresh where hardly anything is left, and then it is what comes now", () => {
    const { pace, lastMs } = paceAfter(1, 0);
    const nowMs = lastMs + 3_000;
    for (let i = 0; i < 3; i++) pace.note(1, nowMs);
    expect(pace.perSecond(nowMs)).toBe(3);
  });

  it("does not grow when the clock runs back", () => {
    const { pace, lastMs } = paceAfter(100, 10);
    expect(pace.perSecond(lastMs - 60_000)).toBe(pace.perSecond(lastMs));
  });
});
