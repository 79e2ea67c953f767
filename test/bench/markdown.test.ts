import { expect, it } from "vitest";
import { mainTable, reachTable } from "../../bench/markdown.ts";

const spreadOf = (median: number) => ({ median, min: median - 0.1, max: median + 0.1 });

it("a row says everything that was measured of it", () => {
  const figures = { usPerRequest: spreadOf(200), ratio: spreadOf(2), addedUs: spreadOf(100) };
  const [heading, , row] = mainTable([
    {
      id: "row",
      label: "a row",
      cpu: { 0: figures, 20: figures },
      calls: { store: 1, commands: 3, scripts: 1, byName: {} },
      addedMs: { p50: 20.04, p99: 21 },
      admitted: { early: { most: 10, failed: 0 }, late: { most: 19, failed: 2 } },
      forgotten: { keys: 20, silence: 0, restart: 20 },
      bundleBytes: 46_080,
      start: { ms: spreadOf(45), ratio: spreadOf(1.5) },
    },
  ]).split("\n");
  expect(heading).toContain("store delay 20 ms");
  expect(row).toBe(
    "| a row | 2.00 (1.90 - 2.10) | 2.00 (1.90 - 2.10) | 100 | 1 | 3 + 1 | 20.0 / 21.0 | 19 (2 failed) | 0 / 20 of 20 | 45.0 | 45 (1.50 x) |",
  );
});

it("a row without anything says so in every column", () => {
  const row = mainTable([{ id: "row", label: "a row", cpu: {} }]).split("\n")[2];
  expect(row).toBe("| a row | - | - | - | - | - | - | - | - |");
});

it("what was not reached says by how much", () => {
  const goal = { what: "CPU", wanted: 0.8, found: 1, spread: spreadOf(1), unit: "", reached: false };
  const [, , row] = reachTable([{ case: "a case", goals: [goal] }]).split("\n");
  expect(row).toBe("| a case | CPU | 0.8 | 1 (0.90 - 1.10) | **no**, by 25 % |");
});
