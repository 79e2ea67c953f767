import { describe, expect, it } from "vitest";
import { CONCURRENCY } from "../../src/limit/quota.ts";
import type { StoreCharge } from "../../src/store/store.ts";
import { type AdministeredStore, charge, lockoutOf, quota, START_MS } from "./fixtures.ts";

const HOUR = 3_600_000;
/** Five a minute. */
const five = charge({ quota: quota(5, 60_000) });

/** What every store promises to operators. `open` gives a store with nothing in it. */
export function describeAdministration(name: string, open: () => AdministeredStore): void {
  function opened() {
    const { store, administration, setTime } = open();
    const at = (afterMs: number) => setTime(START_MS + afterMs);
    at(0);
    const take = async (one: StoreCharge = five) => (await store.take([one])).decisions[0];
    const admitted = async (one: StoreCharge = five) => {
      let units = 0;
      while (units < 50 && (await take(one))?.allowed) units += 1;
      return units;
    };
    return {
      ...{ store, at, take, admitted },
      peek: async (one: StoreCharge = five) => (await administration.peek([one]))[0],
      peekAll: administration.peek,
      reset: (...charges: StoreCharge[]) => administration.reset(charges),
      override: (limit: number | undefined, forMs = HOUR, one: StoreCharge = five, afterMs = 0) =>
        administration.override([{ charge: one, limit, untilMs: START_MS + afterMs + forMs }]),
      overrideAll: administration.override,
    };
  }

  describe(`${name} lets operators look`, () => {
    it("at a key that nothing is kept of", async () => {
      expect(await opened().peek()).toEqual({
        ...{ limit: 5, remaining: 5, moreRoomMs: 0, resetMs: 0, nowMs: START_MS },
        ...{ lockedMs: 0, retryAfterMs: 0 },
      });
    });

    it("at one without room, as often as they like, and nothing is consumed", async () => {
      const { at, admitted, peek, take } = opened();
      await admitted();
      at(1_000);
      for (let i = 0; i < 3; i++)
        expect(await peek()).toEqual({
          ...{ limit: 5, remaining: 0, moreRoomMs: 59_000, resetMs: 59_000, nowMs: START_MS + 1_000 },
          ...{ lockedMs: 0, retryAfterMs: 59_000 },
        });
      at(60_000);
      for (let i = 0; i < 9; i++) await peek();
      expect(await take()).toMatchObject({ allowed: true, remaining: 4 });
    });

    it("at several keys and quotas at once, in their order", async () => {
      const { take, peekAll } = opened();
      const bob = { ...five, key: "bob" };
      const hour = charge({ quota: quota(9, HOUR) });
      await take(bob);
      await take(hour);
      const standings = await peekAll([five, bob, hour, bob]);
      expect(standings.map(({ remaining }) => remaining)).toEqual([5, 4, 8, 4]);
    });

    it("at a key that is locked out", async () => {
      const { take, peek, at } = opened();
      const one = charge({ quota: quota(1, 1_000), lockout: lockoutOf(1) });
      await take(one);
      await take(one);
      at(10_000);
      expect(await peek(one)).toMatchObject({ lockedMs: 50_000, retryAfterMs: 50_000, remaining: 0 });
    });
  });

  describe(`${name} lets operators give a key another limit`, () => {
    it("that is larger, until its end", async () => {
      const { at, admitted, override, peek } = opened();
      await override(20, HOUR);
      expect(await peek()).toMatchObject({ limit: 20, remaining: 20, overriddenUntilMs: START_MS + HOUR });
      expect(await admitted()).toBe(20);
      at(HOUR);
      expect((await peek())?.overriddenUntilMs).toBe(undefined);
      expect(await admitted()).toBe(5);
    });

    it("that is smaller: refused though the quota has room, with the wait after which it is not", async () => {
      const { at, admitted, override, take } = opened();
      await override(2, 30_000);
      expect(await admitted()).toBe(2);
      expect(await take()).toMatchObject({ allowed: false, limit: 2, retryAfterMs: 30_000 });
      at(29_999);
      expect((await take())?.allowed).toBe(false);
      at(30_000);
      expect(await take()).toMatchObject({ allowed: true, remaining: 2 });
    });

    it("that ends just when a wait for it would: the quota itself decides", async () => {
      const { at, admitted, override, take } = opened();
      await admitted();
      await override(20, 60_000);
      at(10_000);
      expect(await admitted()).toBe(15);
      expect(await take()).toMatchObject({ allowed: false, retryAfterMs: 60_000 });
      at(60_000);
      expect((await take())?.allowed).toBe(false);
      at(70_000);
      expect((await take())?.allowed).toBe(true);
    });

    it("that is 0: blocked, whatever the algorithm, until its end or until it is lifted", async () => {
      for (const algorithm of ["sliding-window", "token-bucket", "fixed-window", CONCURRENCY] as const) {
        const { at, override, take } = opened();
        const one = charge({ quota: quota(5, 60_000, algorithm) });
        await override(0, HOUR, one);
        expect(await take(one)).toMatchObject({ allowed: false, limit: 0, remaining: 0, retryAfterMs: HOUR });
        at(HOUR - 1);
        expect((await take(one))?.allowed).toBe(false);
        await override(undefined, 0, one);
        expect((await take(one))?.allowed).toBe(true);
      }
    });

    it("counting on from what was admitted, in both directions", async () => {
      const { admitted, override, peek } = opened();
      await admitted();
      await override(8);
      expect(await admitted()).toBe(3);
      await override(undefined);
      expect(await peek()).toMatchObject({ limit: 5, remaining: 0 });
    });

    it("for several quotas and keys at once, and for no other", async () => {
      const { overrideAll, peekAll } = opened();
      const bob = { ...five, key: "bob" };
      const hour = charge({ quota: quota(9, HOUR) });
      const untilMs = START_MS + HOUR;
      await overrideAll([
        { charge: five, limit: 6, untilMs },
        { charge: bob, limit: 7, untilMs },
        { charge: hour, limit: 0, untilMs },
      ]);
      const others = [{ ...five, key: "carol" }, charge({ key: "bob", quota: hour.quota })];
      const limits = (await peekAll([five, bob, hour, ...others])).map(({ limit }) => limit);
      expect(limits).toEqual([6, 7, 0, 5, 9]);
    });

    it("with a bucket's burst in proportion", async () => {
      const { admitted, override } = opened();
      const one = charge({ quota: quota(60, 60_000, "token-bucket", 10) });
      await override(90, HOUR, one);
      expect(await admitted(one)).toBe(15);
    });

    it("of which permits are at most half of what remains", async () => {
      const { override, take } = opened();
      const one = charge({ quota: quota(100, 60_000), ahead: { units: 50, holdMs: 1_000 } });
      await override(21, HOUR, one);
      expect(await take(one)).toMatchObject({ permits: 10, remaining: 10, limit: 21 });
    });

    it("and takes back what was admitted by it", async () => {
      const { store, override, peek } = opened();
      const one = charge({ quota: quota(100, HOUR) });
      await override(1_000, HOUR, one);
      const { receipts } = await store.take([{ ...one, cost: 900 }]);
      await store.settle(receipts.map((receipt) => ({ receipt, cost: 100 })));
      expect(await peek(one)).toMatchObject({ remaining: 900 });
    });

    it("of a bucket, of which nothing is given back that was admitted by another", async () => {
      const { store, at, override, peek } = opened();
      const sixty = charge({ quota: quota(60, 60_000, "token-bucket") });
      const admission = async (cost: number) => (await store.take([{ ...sixty, cost }])).receipts;
      const giveBack = (receipts: Awaited<ReturnType<typeof admission>>) =>
        store.settle(receipts.map((receipt) => ({ receipt, cost: 0 })));
      const before = await admission(30);
      await override(600, 1_000, sixty);
      const during = await admission(60);
      await giveBack(before);
      expect((await peek(sixty))?.remaining).toBe(510);
      at(1_000);
      await giveBack(during);
      // 90 less what a second pays back.
      expect(await peek(sixty)).toMatchObject({ remaining: 0, resetMs: 89_000 });
    });

    it("and forgets no debt of a bucket when the operator names it by a faster row of its table", async () => {
      const { store, at, override, peek } = opened();
      const free = charge({ quota: quota(6, 60_000, "token-bucket") });
      const pro = charge({ quota: quota(600, 60_000, "token-bucket") });
      expect(pro.count).toBe(free.count);
      await store.take([{ ...free, cost: 6 }]);
      await override(3, HOUR, pro);
      await override(undefined, 0, pro);
      at(1_000);
      expect(await peek(free)).toMatchObject({ remaining: 0, resetMs: 59_000 });
    });

    it("and refuses for it nothing but what it is for, charging nothing", async () => {
      const { store, override, peek } = opened();
      const other = charge({ quota: quota(9, HOUR) });
      await override(0);
      expect((await store.take([other, five])).admitted).toBe(false);
      expect(await peek(other)).toMatchObject({ remaining: 9 });
    });
  });

  describe(`${name} lets operators reset a key`, () => {
    it("so that its quota is whole, and others are what they were", async () => {
      const { admitted, reset, peekAll, take } = opened();
      const hour = charge({ quota: quota(9, HOUR) });
      await admitted();
      await take(hour);
      await reset(five);
      expect((await peekAll([five, hour])).map(({ remaining }) => remaining)).toEqual([5, 8]);
      expect(await admitted()).toBe(5);
    });

    it("so that it is no longer locked out", async () => {
      const { take, reset, peek } = opened();
      const one = charge({ quota: quota(1, 1_000), lockout: lockoutOf(1) });
      await take(one);
      await take(one);
      await reset(one);
      expect(await peek(one)).toMatchObject({ lockedMs: 0, remaining: 1 });
      expect((await take(one))?.allowed).toBe(true);
    });

    it("without ending its override", async () => {
      const { admitted, override, reset } = opened();
      await override(8);
      await admitted();
      await reset(five);
      expect(await admitted()).toBe(8);
    });

    it("after which nothing of before is settled any more, nor given back", async () => {
      const { store, reset, admitted, take, peek, at } = opened();
      const { receipts } = await store.take([{ ...five, cost: 5 }]);
      await reset(five);
      await admitted();
      for (const cost of [0, 9]) {
        expect(await store.settle(receipts.map((receipt) => ({ receipt, cost })))).toEqual([]);
        expect((await take())?.allowed).toBe(false);
      }
      at(60_000);
      expect(await peek()).toMatchObject({ remaining: 5 });
    });

    it("while another quota's receipts stay good", async () => {
      const { store, reset, peek } = opened();
      const hour = charge({ quota: quota(9, HOUR) });
      const { receipts } = await store.take([{ ...hour, cost: 9 }]);
      await reset(five);
      await store.settle(receipts.map((receipt) => ({ receipt, cost: 1 })));
      expect(await peek(hour)).toMatchObject({ remaining: 8 });
    });
  });
}
