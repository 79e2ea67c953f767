import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EMPTY_RECORD, type KeyRecord } from "../../src/limit/key-record.ts";
import { ALGORITHMS, CONCURRENCY } from "../../src/limit/quota.ts";
import { isReservable, reservable, withReserve } from "../../src/limit/reserve.ts";
import { standingOf, takeAll } from "../../src/limit/take.ts";
import { anyQuotaOf } from "./arbitraries.ts";
import { bucket, chargeOf, DAY, fixed, MINUTE, SECOND, START, sliding } from "./fixtures.ts";

const QUOTAS = [
  ["a sliding window", sliding(100, MINUTE)],
  ["a token bucket", bucket(100, MINUTE)],
  ["a fixed window", fixed(100, MINUTE)],
] as const;

describe.each(QUOTAS)("what may be reserved of %s", (_, quota) => {
  const { count } = chargeOf(quota);

  it("is what is wanted, in whole units, for a second", () => {
    const reserved = reservable(EMPTY_RECORD, count, quota, 7.9, START);
    expect(reserved).toEqual({ units: 7, untilMs: START + SECOND });
  });

  it("is at most half of what remains then", () => {
    const [record] = takeAll(new Map(), [chargeOf(quota, { cost: 91 })], START).changed.values();
    expect(reservable(record ?? EMPTY_RECORD, count, quota, 1_000, START).units).toBe(
      // By then a bucket has got back one more.
      quota.algorithm === "token-bucket" ? 5 : 4,
    );
  });
});

describe("what may be reserved", () => {
  it("of a fixed window may be used until the window ends", () => {
    const quota = fixed(100, MINUTE);
    const nowMs = START + MINUTE - 300;
    expect(reservable(EMPTY_RECORD, "count", quota, 7, nowMs).untilMs).toBe(START + MINUTE);
  });

  it.each([
    ["what has to be on disk first", chargeOf(sliding(9, MINUTE), { durable: true })],
    ["what is taken ahead", chargeOf(sliding(9, MINUTE), { ahead: { units: 1, holdMs: SECOND } })],
    ["a slot", chargeOf({ algorithm: CONCURRENCY, limit: 9, windowMs: MINUTE, burst: 9 })],
  ])("is nothing of %s", (_, charge) => {
    expect([isReservable(charge), isReservable(chargeOf(sliding(9, MINUTE)))]).toEqual([false, true]);
  });
});

describe("a record with a reserve", () => {
  it("counts it as if it were used at the end of its time", () => {
    const after = (ms: number) =>
      QUOTAS.map(([, quota]) => {
        const charge = chargeOf(quota);
        const reserved = { units: 10, untilMs: START + SECOND };
        const record = withReserve(EMPTY_RECORD, charge.count, quota, reserved, START);
        return standingOf(new Map([["caller", record]]), charge, START + ms).remaining;
      });
    // A bucket gets back a unit every 0.6 s: none before, and from then on as for anything used then.
    expect([0, SECOND, SECOND + 600, MINUTE, MINUTE + SECOND].map(after)).toEqual([
      [90, 88, 90],
      [90, 90, 90],
      [90, 91, 90],
      [90, 100, 100],
      [100, 100, 100],
    ]);
  });

  it("keeps the time of the exact one", () => {
    const { quota, count } = chargeOf(sliding(100, MINUTE));
    const exact = { ...EMPTY_RECORD, atMs: START };
    const record = withReserve(exact, count, quota, { units: 1, untilMs: START + SECOND }, START);
    expect(record.atMs).toBe(START);
  });

  it.each(ALGORITHMS)(
    "never leaves more than what was used of it does, whenever it was, by %s",
    (algorithm) => {
      const anyUses = fc.array(fc.nat(SECOND), { maxLength: 20 });
      const history = fc.tuple(anyQuotaOf(algorithm), fc.nat(DAY), anyUses, fc.nat(100), fc.nat(2 * DAY));
      let used = 0;
      fc.assert(
        fc.property(history, ([quota, startMs, uses, spare, laterMs]) => {
          const charge = chargeOf(quota);
          let nowMs = START + startMs;
          const before = takeAll(new Map(), [{ ...charge, cost: Math.ceil(quota.burst / 3) }], nowMs);
          let exact: ReadonlyMap<string, KeyRecord> = before.changed;
          const record = exact.get("caller") ?? EMPTY_RECORD;
          const reserved = reservable(record, charge.count, quota, uses.length + spare, nowMs);
          const stored = new Map([["caller", withReserve(record, charge.count, quota, reserved, nowMs)]]);
          const within = uses.map((ms) => nowMs + ms).filter((atMs) => atMs < reserved.untilMs);
          for (const atMs of within.toSorted((a, b) => a - b).slice(0, reserved.units)) {
            exact = new Map([...exact, ...takeAll(exact, [charge], atMs).changed]);
            nowMs = atMs;
            used += 1;
          }
          for (const ms of [0, 1, SECOND, quota.windowMs - 1, quota.windowMs, laterMs % quota.windowMs]) {
            const [left, most] = [stored, exact].map((all) => standingOf(all, charge, nowMs + ms).remaining);
            expect(left).toBeLessThanOrEqual(most ?? 0);
          }
        }),
        { numRuns: 300 },
      );
      expect(used).toBeGreaterThan(300);
    },
  );
});
