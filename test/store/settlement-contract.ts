import { describe, expect, it } from "vitest";
import type { Quota } from "../../src/limit/quota.ts";
import { charge, quota, START_MS, type StoreUnderTest } from "./fixtures.ts";

/** Ten a second, and how long after an extra cost of 10 at 200 ms, on top of 5 at 0 ms, there is room for 1 again. */
const TENS: readonly [name: string, quota: Quota, waitMs: number][] = [
  ["a sliding window", quota(10, 1_000), 1_000],
  ["a token bucket", quota(10, 1_000, "token-bucket"), 400],
  ["a fixed window", quota(10, 1_000, "fixed-window"), 800],
];

/** What every store promises of settlements. */
export function describeSettlements(name: string, open: () => StoreUnderTest): void {
  describe.each(TENS)(`${name} settles an admission of %s`, (_, tens, waitMs) => {
    /** A store with an admission of 5, `settleAt` for that, and the remaining units at an instant. */
    async function admitted() {
      const { store, setTime } = open();
      setTime(START_MS);
      const five = charge({ quota: tens, cost: 5 });
      const { receipts } = await store.take([five]);
      const settleAt = (afterMs: number, cost: number, epoch = 0) => {
        setTime(START_MS + afterMs);
        return store.settle(
          receipts.map((receipt) => ({ receipt: { ...receipt, epoch: receipt.epoch + epoch }, cost })),
        );
      };
      const take = async (cost: number) => (await store.take([{ ...five, cost }])).decisions[0];
      return { setTime, settleAt, take };
    }

    it("at nothing: all of it comes back", async () => {
      const { settleAt, take } = await admitted();
      expect(await settleAt(0, 0)).toEqual([{ remaining: 10, moreRoomMs: 0, resetMs: 0, nowMs: START_MS }]);
      expect((await take(10))?.allowed).toBe(true);
    });

    it("at less: the rest comes back", async () => {
      const { settleAt, take } = await admitted();
      expect((await settleAt(0, 2))[0]?.remaining).toBe(8);
      expect((await take(8))?.allowed).toBe(true);
    });

    it("at what was reserved: nothing changes", async () => {
      const { settleAt } = await admitted();
      expect((await settleAt(0, 5))[0]?.remaining).toBe(5);
    });

    it("at more than there is room for: nothing remains, and the next waits until the excess has gone", async () => {
      const { setTime, settleAt, take } = await admitted();
      expect((await settleAt(200, 15))[0]).toMatchObject({ remaining: 0, nowMs: START_MS + 200 });
      expect(await take(1)).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: waitMs });
      setTime(START_MS + 200 + waitMs - 1);
      expect((await take(1))?.allowed).toBe(false);
      setTime(START_MS + 200 + waitMs);
      expect((await take(1))?.allowed).toBe(true);
    });

    it("too late: nothing of it stands any more that could come back", async () => {
      const { setTime, settleAt, take } = await admitted();
      setTime(START_MS + 1_000);
      await take(4);
      expect((await settleAt(1_000, 0))[0]?.remaining).toBe(6);
      expect((await take(7))?.allowed).toBe(false);
    });

    it("late: an extra cost counts from the instant it arrives", async () => {
      const { settleAt, take } = await admitted();
      expect((await settleAt(1_000, 9))[0]?.remaining).toBe(6);
      expect((await take(7))?.allowed).toBe(false);
    });

    it.each([0, 9])("of another epoch at %i: void", async (cost) => {
      const { settleAt, take } = await admitted();
      expect((await settleAt(0, cost, 1))[0]?.remaining).toBe(5);
      expect((await take(5))?.allowed).toBe(true);
    });
  });

  // Sums above 2^53 are rounded: with this limit up, so that the arithmetic finds no end of the wait.
  it.each(["sliding-window", "token-bucket", "fixed-window"] as const)(
    `${name} settles a %s at an absurd cost: the next waits, whatever it costs`,
    async (algorithm) => {
      const { store, setTime } = open();
      setTime(START_MS);
      const one = charge({ quota: quota(12, 1_000, algorithm) });
      const { receipts } = await store.take([one]);
      const settled = receipts.map((receipt) => ({ receipt, cost: Number.MAX_SAFE_INTEGER }));
      expect((await store.settle(settled))[0]).toMatchObject({ remaining: 0 });
      for (const cost of [1, 11, 12]) {
        const decision = (await store.take([{ ...one, cost }])).decisions[0];
        expect(decision).toMatchObject({ allowed: false, remaining: 0 });
        expect(decision?.retryAfterMs).toBeGreaterThanOrEqual(1_000);
        expect(decision?.retryAfterMs).toBeLessThan(Number.POSITIVE_INFINITY);
      }
    },
  );
}
