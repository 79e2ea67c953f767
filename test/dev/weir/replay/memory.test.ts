import { describe, expect, it } from "vitest";
import type { Entry } from "../../../../dev/weir/log/entry.ts";
import { createSorter } from "../../../../dev/weir/log/in-order.ts";
import type { Bounds } from "../../../../dev/weir/replay/bounds.ts";
import { createReplayer } from "../../../../dev/weir/replay/replayer.ts";
import { configOf } from "../../../config/fixtures.ts";
import { heapBytes } from "../../../support/heap.ts";

const MIB = 2 ** 20;
const START_MS = 1_790_000_000_000;
const BOUNDS: Bounds = { keys: 100, callers: 50, paths: 50, sampled: 100, refusedKeys: 50 };
const CALLERS = 500;

/** All that a replay remembers by: each request is of a new caller, of a path and with a query of its own, and refused or not. */
const config = configOf({
  POLICIES: [
    { name: "api", match: "/api/*", limit: "3/minute, 1000/day" },
    { name: "paths", match: "/api/:id/*", key: "param:id + path + query:q", limit: "1/day" },
    { name: "agents", key: "header:user-agent", limit: "1/day" },
    { name: "all", key: "global", limit: "1/hour", mode: "shadow" },
  ],
});

/** Texts as a log has them: cut out of a large piece that was read at once. */
function entryOf(i: number): Entry {
  const address = `${10 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.123`;
  const piece = `${address} /api/item-with-a-name-${i}/file-with-a-name-${i}?q=${i} robot number ${i} of many${".".repeat(30_000)}`;
  const target = address.length + 1;
  return {
    timeMs: START_MS + 100 * i,
    method: "GET",
    host: "",
    address: piece.slice(0, address.length),
    target: piece.slice(target, piece.indexOf(" ", target)),
    status: 200,
    values: new Map([["header:user-agent", piece.slice(piece.indexOf("robot"), piece.indexOf(".."))]]),
  };
}

describe("the memory that a replay takes", () => {
  it("is no more for ten times as many callers, paths and keys", async () => {
    const replayer = createReplayer(config, BOUNDS);
    const before = heapBytes();
    const grownAfter: number[] = [];
    for (let i = 0; i < 10 * CALLERS; i++) {
      // Twice, so that what remembers is asked again.
      for (let twice = 0; twice < 2; twice++) await replayer.take(entryOf(i));
      if (i === CALLERS - 1 || i === 10 * CALLERS - 1) grownAfter.push(heapBytes() - before);
    }
    const [few = 0, many = 0] = grownAfter;
    // One piece of each of the others would be more than 100 MiB.
    expect(many).toBeLessThan(6 * MIB);
    expect(many - few).toBeLessThan(1.5 * MIB);
    expect(replayer.verdicts.admitted + replayer.verdicts.refused).toBe(20 * CALLERS);
  });

  it("is no more for lines that are longer, while they wait for earlier ones", () => {
    const sorter = createSorter(3_600_000);
    const before = heapBytes();
    let handedOn = 0;
    for (let i = 0; i < 2_000; i++) {
      const line = `${i} `.padEnd(100_000, "long ");
      sorter.add({ ...entryOf(i), target: line.slice(0, 50_000) }, line.length);
      handedOn += sorter.ready().length;
    }
    expect(heapBytes() - before).toBeLessThan(48 * MIB);
    expect(handedOn + sorter.end().length).toBe(2_000);
  });
});
