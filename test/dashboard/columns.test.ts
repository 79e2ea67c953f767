import { describe, expect, it } from "vitest";
import { lastHour, SERIES, stacked, totals } from "../../dashboard/traffic/columns.ts";
import { chartText, minuteText } from "../../dashboard/traffic/summary.ts";
import { minute } from "./fixtures.ts";

const NOW_MS = Date.parse("2026-11-22T10:30:42Z");
const at = (time: string): number => Date.parse(`2026-11-22T${time}:00Z`);

describe("the chart's hour", () => {
  it("has sixty minutes, up to the one that is going on", () => {
    const hour = lastHour([], NOW_MS);
    expect(hour).toHaveLength(60);
    expect(hour.at(0)?.atMs).toBe(at("09:31"));
    expect(hour.at(-1)?.atMs).toBe(at("10:30"));
  });

  it("puts each minute in its place, zeros where nothing happened, and leaves out what is older", () => {
    const hour = lastHour(
      [minute(at("09:30"), { allowed: 99 }), minute(at("10:29"), { allowed: 3 })],
      NOW_MS,
    );
    expect(hour.at(-2)?.allowed).toBe(3);
    expect(totals(hour)).toMatchObject({ allowed: 3, refused: 0 });
  });

  it("stacks refusals on the ground and what was allowed on top", () => {
    const one = minute(at("10:30"), { allowed: 10, refused: 4, degraded: 2, unavailable: 1, unlimited: 50 });
    const [begins, ...heights] = stacked(lastHour([one], NOW_MS));
    expect(begins?.at(-1)).toBe(at("10:30") / 1_000);
    expect(SERIES).toEqual(["refused", "unavailable", "degraded", "allowed"]);
    expect(heights.map((height) => height.at(-1))).toEqual([4, 5, 7, 17]);
  });

  it("is also told in words", () => {
    const some = [
      minute(at("10:12"), { allowed: 500, refused: 12 }),
      minute(at("10:13"), { allowed: 900, unavailable: 2 }),
    ];
    const text = chartText(lastHour(some, NOW_MS));
    expect(text).toContain("In all 1,400 allowed, 12 refused, 2 answered 503.");
    expect(text).toMatch(/Busiest minute: \d\d:13 with 902\./);
    const [first] = lastHour(some, at("11:11"));
    expect(first && minuteText(first)).toMatch(/^\d\d:12: 500 allowed, 12 refused$/);
  });
});
