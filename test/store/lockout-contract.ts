import { describe, expect, it } from "vitest";
import { charge, lockoutOf, quota, START_MS, type StoreUnderTest } from "./fixtures.ts";

/** One a second, and a minute's lockout after three refusals within ten seconds. */
const one = charge({ quota: quota(1, 1_000), lockout: lockoutOf(3) });

/** What every store promises of lockouts. */
export function describeLockouts(name: string, open: () => StoreUnderTest): void {
  /** A store in which `one` was admitted, and `take` by which it is taken again. */
  async function admitted(first = one) {
    const { store, setTime } = open();
    setTime(START_MS);
    await store.take([first]);
    const take = async (other = first) => (await store.take([other])).decisions[0];
    const takeAt = (afterMs: number, other = first) => {
      setTime(START_MS + afterMs);
      return take(other);
    };
    return { store, setTime, take, takeAt };
  }

  /** The same, locked out at `START_MS`. */
  async function lockedOut() {
    const opened = await admitted();
    for (let i = 0; i < 3; i++) await opened.take();
    return opened;
  }

  describe(`${name} locks keys out`, () => {
    it("at the last refusal that it takes, which says so already", async () => {
      const { take } = await admitted();
      const refusals = [await take(), await take(), await take()];
      expect(refusals.map((refusal) => refusal?.lockedOut)).toEqual([undefined, undefined, true]);
      expect(refusals[1]).toMatchObject({ allowed: false, retryAfterMs: 1_000 });
      expect(refusals[2]).toEqual({
        allowed: false,
        lockedOut: true,
        remaining: 0,
        retryAfterMs: 60_000,
        moreRoomMs: 60_000,
        resetMs: 60_000,
        nowMs: START_MS,
      });
    });

    it("whatever room the quota has, until the end and not a millisecond longer", async () => {
      const { takeAt } = await lockedOut();
      expect(await takeAt(30_000)).toMatchObject({
        allowed: false,
        lockedOut: true,
        remaining: 0,
        retryAfterMs: 30_000,
        moreRoomMs: 30_000,
        resetMs: 30_000,
      });
      expect(await takeAt(59_999)).toMatchObject({ allowed: false, lockedOut: true, retryAfterMs: 1 });
      expect((await takeAt(60_000))?.allowed).toBe(true);
    });

    it("no longer for being asked meanwhile, and counts afresh afterwards", async () => {
      const { take, takeAt } = await lockedOut();
      for (const afterMs of [0, 20_000, 40_000, 59_000])
        expect((await takeAt(afterMs))?.lockedOut).toBe(true);
      expect((await takeAt(60_000))?.allowed).toBe(true);
      const refusals = [await take(), await take(), await take()];
      expect(refusals.map((refusal) => refusal?.lockedOut)).toEqual([undefined, undefined, true]);
    });

    it("only for refusals within the window", async () => {
      const minute = { ...one, quota: quota(1, 60_000) };
      const { takeAt } = await admitted(minute);
      expect((await takeAt(0))?.lockedOut).toBe(undefined);
      expect((await takeAt(5_000))?.lockedOut).toBe(undefined);
      expect((await takeAt(10_000))?.lockedOut).toBe(undefined);
      expect((await takeAt(14_999))?.lockedOut).toBe(true);
    });

    it("until the quota has room, where that is later", async () => {
      const hour = { ...one, quota: quota(1, 3_600_000) };
      const { take, takeAt } = await admitted(hour);
      await take();
      await take();
      expect(await take()).toMatchObject({ lockedOut: true, retryAfterMs: 3_600_000, resetMs: 3_600_000 });
      expect(await takeAt(100_000)).toMatchObject({ allowed: false, retryAfterMs: 3_500_000 });
      expect((await takeAt(3_600_000))?.allowed).toBe(true);
    });

    it("and still says of a cost that never fits that it never does", async () => {
      const { take } = await admitted();
      const large = { ...one, cost: 2 };
      const refusals = [await take(large), await take(large), await take(large)];
      expect(refusals.map((refusal) => refusal?.retryAfterMs)).toEqual(
        Array(3).fill(Number.POSITIVE_INFINITY),
      );
      expect(refusals[2]).toMatchObject({ lockedOut: true, moreRoomMs: 60_000 });
    });

    it("one by one", async () => {
      const { take } = await lockedOut();
      expect((await take({ ...one, key: "bob" }))?.allowed).toBe(true);
    });

    it("for one policy of a key and not for another", async () => {
      const { takeAt, store } = await lockedOut();
      const other = { ...one, count: "other", lockout: lockoutOf(3, { id: "other/lockout" }) };
      expect((await takeAt(5_000, other))?.allowed).toBe(true);
      for (let i = 0; i < 2; i++) expect((await takeAt(5_000, other))?.lockedOut).toBe(undefined);
      expect((await takeAt(5_000, other))?.lockedOut).toBe(true);
      expect((await store.take([one])).decisions[0]).toMatchObject({ lockedOut: true, retryAfterMs: 55_000 });
    });

    it("for one refusal however many quotas of the policy refuse", async () => {
      const { store, setTime } = open();
      setTime(START_MS);
      const two = [one, { ...one, count: "minute", quota: quota(1, 60_000) }];
      await store.take(two);
      const taken = [await store.take(two), await store.take(two), await store.take(two)];
      expect(taken.map(({ decisions }) => decisions.map((decision) => decision?.lockedOut))).toEqual([
        [undefined, undefined],
        [undefined, undefined],
        [true, true],
      ]);
    });

    it("and shows it in the quotas of the policy that have room, without charging them", async () => {
      const { store, setTime } = open();
      setTime(START_MS);
      const large = { ...one, count: "minute", quota: quota(10, 60_000) };
      for (let i = 0; i < 3; i++) await store.take([one, large]);
      const last = await store.take([one, large]);
      expect(last.decisions[1]).toMatchObject({ allowed: true, remaining: 0, moreRoomMs: 60_000 });
      const next = await store.take([large]);
      expect(next.decisions[0]).toMatchObject({ allowed: false, lockedOut: true, retryAfterMs: 60_000 });
      setTime(START_MS + 60_000);
      expect((await store.take([large])).decisions[0]?.remaining).toBe(9);
    });

    it("counting no refusals but the policy's own", async () => {
      const { store, setTime } = open();
      setTime(START_MS);
      const full = charge({ quota: quota(1, 60_000), count: "full" });
      const roomy = { ...one, count: "minute", quota: quota(10, 60_000) };
      await store.take([full]);
      for (let i = 0; i < 5; i++) expect((await store.take([full, roomy])).admitted).toBe(false);
      expect((await store.take([roomy])).decisions[0]).toMatchObject({ allowed: true, remaining: 9 });
    });

    it("in shadow, too, without refusing", async () => {
      const { store, setTime } = open();
      setTime(START_MS);
      const shadow = { ...one, shadow: true };
      const real = charge({ quota: quota(10, 60_000), count: "real" });
      const taken = [];
      for (let i = 0; i < 5; i++) taken.push(await store.take([shadow, real]));
      expect(taken.every(({ admitted }) => admitted)).toBe(true);
      expect(taken.map(({ decisions }) => decisions[0]?.lockedOut)).toEqual([
        undefined,
        undefined,
        undefined,
        true,
        true,
      ]);
      expect(taken[4]?.decisions[1]?.remaining).toBe(5);
    });

    it("and shows it in the standing of a settled quota", async () => {
      const { store, setTime } = open();
      setTime(START_MS);
      const { receipts } = await store.take([one]);
      for (let i = 0; i < 3; i++) await store.take([one]);
      const [standing] = await store.settle(receipts.map((receipt) => ({ receipt, cost: 0 })));
      expect(standing).toEqual({ remaining: 0, moreRoomMs: 60_000, resetMs: 60_000, nowMs: START_MS });
    });
  });
}
