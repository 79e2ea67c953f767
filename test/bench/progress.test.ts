import { expect, it } from "vitest";
import { createProgress } from "../../bench/progress.ts";

const PLAN = [
  { name: "first", seconds: 100 },
  { name: "second", seconds: 50 },
];

function start() {
  const lines: string[] = [];
  const clock = { seconds: 1_000 };
  const progress = createProgress(
    PLAN,
    (text) => lines.push(text),
    () => clock.seconds,
  );
  return { lines, clock, progress };
}

it("says what a run is at, and how long the plan gives the rest", () => {
  const { lines, progress } = start();
  progress.begin("first");
  expect(lines).toEqual(["first; about 3 min left"]);
});

it("takes the rest to go as the plan went so far", () => {
  const { lines, clock, progress } = start();
  progress.begin("first");
  clock.seconds += 30;
  progress.step(0.6, "round 3");
  // 90 of the planned seconds are left, and the 60 before took half of theirs.
  expect(lines.at(-1)).toBe("first: round 3; about 45 s left");
});

it("counts a phase that began as the end of those before it", () => {
  const { lines, clock, progress } = start();
  progress.begin("first");
  clock.seconds += 200;
  progress.begin("second");
  expect(lines.at(-1)).toBe("second; about 2 min left");
});

it("refuses a phase that nobody planned", () => {
  const { progress } = start();
  expect(() => progress.begin("third")).toThrow('"third" is not in the plan');
});
