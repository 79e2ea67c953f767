import { describe, expect, it } from "vitest";
import { summarize } from "../../bench/profile-summary.ts";
import type { CpuProfile, ProfileNode } from "../../bench/profiler.ts";

/** Two modules of a bundle: lines 0 to 2 and 3 to 5. */
const SCRIPT = [
  "// src/key/digest.ts",
  "function digest() {}",
  "",
  "// node_modules/hono/dist/hono.js",
  "function dispatch() {}",
  "",
].join("\n");

const node = (
  id: number,
  functionName: string,
  lineNumber: number,
  children: number[] = [],
): ProfileNode => ({
  id,
  callFrame: { functionName, url: lineNumber < 0 ? "" : "index.js", lineNumber },
  children,
});

/** dispatch calls digest, which calls a function of the platform. */
const NODES = [
  node(1, "(root)", -1, [2, 5]),
  node(2, "dispatch", 4, [3]),
  node(3, "digest", 1, [4]),
  node(4, "encode", -1),
  node(5, "(idle)", -1),
];

/** Samples of 100 microseconds each. */
const profile = (...samples: number[]): CpuProfile => ({
  nodes: NODES,
  samples,
  timeDeltas: samples.map(() => 100),
});

describe("a profile", () => {
  it("leaves out the time in which the isolate had nothing to do", () => {
    expect(summarize(profile(5, 5, 2), SCRIPT).busyUs).toBe(100);
  });

  it("counts what a function calls of the platform as its own", () => {
    const [digest] = summarize(profile(4, 4, 3, 2), SCRIPT).functions;
    expect(digest).toEqual({ name: "digest  src/key/digest.ts:2", self: 0.75, total: 0.75 });
  });

  it("counts what a function calls of the script in its total", () => {
    const { functions } = summarize(profile(4, 3, 3, 2), SCRIPT);
    expect(functions).toContainEqual({ name: "dispatch  hono/dist/hono.js:5", self: 0.25, total: 1 });
  });

  it("says who calls the platform", () => {
    const { platform } = summarize(profile(4, 2), SCRIPT);
    expect(platform).toEqual([{ name: "encode < digest  src/key/digest.ts:2", self: 0.5 }]);
  });

  it("adds up by file", () => {
    const { files } = summarize(profile(4, 3, 3, 2), SCRIPT);
    expect(files).toEqual([
      { file: "src/key/digest.ts", self: 0.75 },
      { file: "hono/dist/hono.js", self: 0.25 },
    ]);
  });
});
