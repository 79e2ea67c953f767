import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../../dev/weir/log/entry.ts";
import { BOUNDS } from "../../../../dev/weir/replay/bounds.ts";
import { neededLimits } from "../../../../dev/weir/replay/needed-limits.ts";
import { createReplayer, type Replayer } from "../../../../dev/weir/replay/replayer.ts";
import { configOf } from "../../../config/fixtures.ts";

type Request = readonly [gapMs: number, caller: number];

/** Requests of a few callers, some in bursts. */
const requests = fc.array(
  fc.tuple(
    fc.oneof(fc.constant(0), fc.nat(300), fc.nat(4_000)),
    fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(3) }, fc.nat(30)),
  ),
  { minLength: 1, maxLength: 250 },
);

async function run(list: readonly Request[], fields: object): Promise<Replayer> {
  const config = configOf({ POLICIES: [{ name: "api", key: "ip", ...fields }] });
  const replayer = createReplayer(config, { ...BOUNDS, keys: 10_000 });
  let timeMs = 1_790_000_000_000;
  for (const [gapMs, caller] of list) {
    timeMs += gapMs;
    const entry: Entry = {
      timeMs,
      method: "GET",
      host: "",
      target: "/",
      address: `192.0.2.${caller}`,
      status: 200,
    };
    await replayer.take(entry);
  }
  replayer.end();
  return replayer;
}

/** What a limit refuses: how many requests, and of how many callers. */
async function refusedBy(limit: number, list: readonly Request[], fields: object) {
  const { tallies } = await run(list, { ...fields, limit: `${limit}/5s` });
  const [policy] = tallies.policies;
  return { requests: policy?.refused ?? 0, callers: policy?.refusedKeys.distinct() ?? 0 };
}

async function needed(list: readonly Request[], fields: object) {
  const { tallies } = await run(list, { ...fields, limit: "3/5s" });
  const [quota] = tallies.quotas;
  if (!quota) throw new Error("expected a quota");
  return { limits: neededLimits(quota), callers: quota.callers.count() };
}

describe("the limit that would be needed", () => {
  it.each([
    ["sliding-window", {}],
    ["fixed-window", { algorithm: "fixed-window" }],
    ["sliding-window, only failures counted", { count: "401" }],
  ])("refuses no more callers or requests, and one less more, by the real limiter: %s", async (_, fields) => {
    await fc.assert(
      fc.asyncProperty(requests, async (list) => {
        const { limits = [], callers: all } = await needed(list, fields);
        for (const { share, callers, requests: range } of limits) {
          const mayBe = { callers: Math.floor(share * all), requests: Math.floor(share * list.length) };
          expect((await refusedBy(callers, list, fields)).callers).toBeLessThanOrEqual(mayBe.callers);
          if (callers > 1)
            expect((await refusedBy(callers - 1, list, fields)).callers).toBeGreaterThan(mayBe.callers);
          expect((await refusedBy(range.atMost, list, fields)).requests).toBeLessThanOrEqual(mayBe.requests);
          if (range.atLeast > 1)
            expect((await refusedBy(range.atLeast - 1, list, fields)).requests).toBeGreaterThan(
              mayBe.requests,
            );
        }
      }),
      { numRuns: 60 },
    );
  });

  it("is exact for fixed windows", async () => {
    await fc.assert(
      fc.asyncProperty(requests, async (list) => {
        const { limits = [] } = await needed(list, { algorithm: "fixed-window" });
        for (const { requests: range } of limits) expect(range.atLeast).toBe(range.atMost);
      }),
      { numRuns: 60 },
    );
  });

  it("refuses no more in a token bucket", async () => {
    const fields = { algorithm: "token-bucket" };
    await fc.assert(
      fc.asyncProperty(requests, async (list) => {
        const { limits = [], callers: all } = await needed(list, fields);
        for (const { share, callers, requests: range } of limits) {
          expect((await refusedBy(callers, list, fields)).callers).toBeLessThanOrEqual(share * all);
          expect((await refusedBy(range.atMost, list, fields)).requests).toBeLessThanOrEqual(
            share * list.length,
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  it("is not guessed for a bucket that is smaller than its limit", async () => {
    const config = { algorithm: "token-bucket", burst: 2 };
    expect((await needed([[0, 1]], config)).limits).toBeUndefined();
  });

  it("is told for hundreds at a time as well as for a few", async () => {
    const list = Array.from({ length: 3_000 }, (_, i): Request => [i % 3, 0]);
    const { limits = [] } = await needed(list, {});
    const [strict] = limits;
    if (!strict) throw new Error("expected limits");
    expect((await refusedBy(strict.requests.atMost, list, {})).requests).toBeLessThanOrEqual(3);
    // By a hundredth too large at most, for the parts of the window.
    const smaller = Math.floor(strict.requests.atLeast * 0.99);
    expect((await refusedBy(smaller, list, {})).requests).toBeGreaterThan(3);
  });
});
