import { describe, expect, it } from "vitest";
import { CONTENDERS } from "../../bench/contenders.ts";
import { planOf } from "../../bench/run.ts";
import { parseSettings } from "../../bench/settings.ts";

const plannedSeconds = (...args: string[]) =>
  planOf(parseSettings(args)).reduce((sum, { seconds }) => sum + seconds, 0);

describe("a run", () => {
  it("has every row", () => {
    expect(parseSettings([]).contenders).toEqual(CONTENDERS);
  });

  it("has only the rows that are named, in the order of the table, and the one they are compared with", () => {
    const { contenders } = parseSettings(["--only", "weir-local, bare-429"]);
    expect(contenders.map(({ id }) => id)).toEqual(["forward", "bare-429", "weir-local"]);
  });

  it("refuses a row that is none", () => {
    expect(() => parseSettings(["--only", "weir"])).toThrow('"weir" is no row');
  });

  it.each(["199", "1e4", "-1"])("refuses %s requests", (requests) => {
    expect(() => parseSettings(["--requests", requests])).toThrow("--requests");
  });

  it("is planned for under twelve minutes", () => {
    expect(plannedSeconds()).toBeLessThan(12 * 60);
  });

  it("is planned for under two minutes when it has to be quick", () => {
    expect(plannedSeconds("--quick")).toBeLessThan(2 * 60);
  });
});

it("no two rows are of one name", () => {
  expect(new Set(CONTENDERS.map(({ id }) => id)).size).toBe(CONTENDERS.length);
});
