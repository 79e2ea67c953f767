import { describe, expect, it } from "vitest";
import { snapshotView } from "../../src/admin/snapshot-view.ts";
import { snapshotOf } from "../../src/metrics/snapshot.ts";

const MINUTE_MS = 60_000;
const BEGUN_MS = 1_790_000_040_000;

describe("a policy's decisions a minute now", () => {
  const perMinute = (elapsedMs: number) => {
    const snapshot = snapshotOf([], BEGUN_MS + elapsedMs);
    const lastHour = [
      { at: BEGUN_MS - 2 * MINUTE_MS, counts: { "requests chat allowed": 900 } },
      { at: BEGUN_MS - MINUTE_MS, counts: { "requests chat allowed": 8, "requests chat refused": 2 } },
      {
        at: BEGUN_MS,
        counts: {
          "requests chat allowed": 4,
          "requests chat shadow_refused": 3,
          "requests other allowed": 50,
        },
      },
    ];
    return snapshotView({ ...snapshot, lastHour }, ["chat"], "local").policies[0]?.per_minute;
  };

  it.each([
    [0, 17],
    [30_000, 12],
    [54_000, 8],
    [59_999, 7],
  ])("%d ms into a minute are what it has and what is left of the one before", (elapsedMs, decisions) => {
    expect(perMinute(elapsedMs)).toBe(decisions);
  });
});
