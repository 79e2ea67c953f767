import { describe, expect, it } from "vitest";
import { charge, quota, START_MS, type StoreUnderTest } from "./fixtures.ts";

const WINDOW_MS = 60_000;
const HOLD_MS = 2_000;
const hundred = charge({ quota: quota(100, WINDOW_MS) });
const ahead = (units: number) => ({ units, holdMs: HOLD_MS });

/** What every store promises of permits. */
export function describePermits(name: string, open: () => StoreUnderTest): void {
  function opened() {
    const { store, setTime } = open();
    setTime(START_MS);
    const remainingAt = async (afterMs: number) => {
      setTime(START_MS + afterMs);
      const { receipts, decisions } = await store.take([hundred]);
      await store.settle(receipts.map((receipt) => ({ receipt, cost: 0 })));
      return decisions[0]?.allowed ? decisions[0].remaining + 1 : 0;
    };
    return { store, setTime, remainingAt };
  }

  describe(`${name} admits permits ahead`, () => {
    it("as many as are wanted", async () => {
      const { store } = opened();
      const { decisions, receipts } = await store.take([{ ...hundred, cost: 2, ahead: ahead(10) }]);
      expect(decisions[0]).toMatchObject({ allowed: true, permits: 10, remaining: 88 });
      expect(receipts[0]).toMatchObject({ charge: { cost: 12 }, timeMs: START_MS + HOLD_MS });
    });

    it("at most half of what remains, down to none", async () => {
      const { store } = opened();
      const permits = [];
      for (let i = 0; i < 7; i++) {
        const { decisions } = await store.take([{ ...hundred, ahead: ahead(1_000) }]);
        permits.push(decisions[0]?.permits);
      }
      expect(permits).toEqual([49, 24, 12, 5, 2, 1, 0]);
      expect((await store.take([hundred])).decisions[0]?.remaining).toBe(0);
    });

    it("and counts them from the end of their time on", async () => {
      const { store, remainingAt } = opened();
      await store.take([{ ...hundred, ahead: ahead(9) }]);
      const remaining = [];
      for (const afterMs of [0, HOLD_MS, WINDOW_MS, WINDOW_MS + HOLD_MS - 1, WINDOW_MS + HOLD_MS])
        remaining.push(await remainingAt(afterMs));
      expect(remaining).toEqual([90, 90, 90, 90, 100]);
    });

    it("and takes back what of them was not used, once", async () => {
      const { store, setTime, remainingAt } = opened();
      const { receipts } = await store.take([{ ...hundred, ahead: ahead(9) }]);
      setTime(START_MS + 1_000);
      await store.settle(receipts.map((receipt) => ({ receipt, cost: 3 })));
      expect(await remainingAt(1_000)).toBe(97);
      expect(await remainingAt(WINDOW_MS + HOLD_MS - 1)).toBe(97);
      expect(await remainingAt(WINDOW_MS + HOLD_MS)).toBe(100);
    });

    it("and keeps apart what two holders took and give back", async () => {
      const { store, setTime, remainingAt } = opened();
      const first = await store.take([{ ...hundred, ahead: ahead(9) }]);
      setTime(START_MS + 500);
      const second = await store.take([{ ...hundred, ahead: ahead(19) }]);
      await store.settle(first.receipts.map((receipt) => ({ receipt, cost: 0 })));
      expect(await remainingAt(500)).toBe(80);
      await store.settle(second.receipts.map((receipt) => ({ receipt, cost: 1 })));
      expect(await remainingAt(500)).toBe(99);
    });

    it("none by a take that is refused", async () => {
      const { store, remainingAt } = opened();
      const small = charge({ quota: quota(1, WINDOW_MS), count: "small" });
      await store.take([small]);
      const refused = await store.take([small, { ...hundred, ahead: ahead(9) }]);
      expect([refused.admitted, refused.receipts]).toEqual([false, []]);
      expect(await remainingAt(0)).toBe(100);
    });

    it.each(["token-bucket", "fixed-window"] as const)("none of a %s", async (algorithm) => {
      const { store } = opened();
      const other = charge({ quota: quota(100, WINDOW_MS, algorithm), ahead: ahead(9) });
      const { decisions, receipts } = await store.take([other]);
      expect(decisions[0]).toMatchObject({ allowed: true, remaining: 99 });
      expect(decisions[0]).not.toHaveProperty("permits");
      expect(receipts[0]).toMatchObject({ charge: { cost: 1 }, timeMs: START_MS });
    });
  });
}
