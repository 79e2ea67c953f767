import { describe, expect, it } from "vitest";
import { withLeases } from "../../src/store/leases.ts";
import type { Store } from "../../src/store/store.ts";
import { charge, patience, quota, START_MS, type StoreUnderTest } from "./fixtures.ts";

const MINUTE = 60_000;
const waits = { newDeadline: () => patience, newWait: () => patience, waitUntil: () => {}, random: () => 0 };

/** What leases keep in front of every store. */
export function describeLeases(name: string, open: () => StoreUnderTest): void {
  function opened() {
    const { store, setTime } = open();
    setTime(START_MS);
    let nowMs = START_MS;
    let calls = 0;
    const behind: Store = {
      async take(charges) {
        calls += 1;
        const { decisions, ...answer } = await store.take(charges);
        const outcomes = decisions.map((decision) =>
          decision ? ({ kind: "decided", decision } as const) : ({ kind: "unasked" } as const),
        );
        return { ...answer, outcomes };
      },
      settle: (settlements) => store.settle(settlements),
    };
    return {
      store,
      calls: () => calls,
      /** One isolate's, by a clock that is wrong by so much. */
      leases: (aheadMs = 0) => withLeases(behind, { ...waits, now: () => nowMs + aheadMs }),
      pass(ms: number) {
        nowMs += ms;
        setTime(nowMs);
      },
    };
  }

  describe(`leases in front of ${name}`, () => {
    it("decide most requests of a busy key without a call", async () => {
      const { leases, pass, calls } = opened();
      const one = charge({ quota: quota(10_000, MINUTE), lease: true });
      const leased = leases();
      for (let i = 0; i < 500; i++) {
        pass(5);
        expect((await leased.take([one], patience)).admitted).toBe(true);
      }
      expect(calls()).toBeLessThan(50);
    });

    it("of two isolates never let more than the limit pass, and hardly less", async () => {
      const { leases, pass, calls } = opened();
      const one = charge({ quota: quota(200, MINUTE), lease: true });
      const isolates = [leases(-30_000), leases(30_000)];
      let admitted = 0;
      for (let i = 0; i < 300; i++) {
        pass(10);
        for (const leased of isolates) admitted += Number((await leased.take([one], patience)).admitted);
      }
      expect(admitted).toBeLessThanOrEqual(200);
      expect(admitted).toBeGreaterThan(190);
      expect(calls()).toBeLessThan(120);
    });

    it("charge nothing when one of several charges refuses", async () => {
      const { leases, pass, store } = opened();
      const one = charge({ quota: quota(10_000, MINUTE), lease: true });
      const none = charge({ count: "none", quota: quota(1, MINUTE), cost: 2 });
      const leased = leases();
      for (let i = 0; i < 100; i++) {
        pass(5);
        await leased.take([one], patience);
      }
      const remaining = async () =>
        (await store.take([{ ...one, lease: false }])).decisions[0]?.remaining ?? 0;
      const before = await remaining();
      for (let i = 0; i < 20; i++) expect((await leased.take([one, none], patience)).admitted).toBe(false);
      expect(await remaining()).toBe(before - 1);
    });
  });
}
