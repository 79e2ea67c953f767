import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KeyRecord } from "../../src/limit/key-record.ts";
import { takeAll } from "../../src/limit/take.ts";
import type { StoreCharge } from "../../src/store/store.ts";
import { describeConcurrency } from "./concurrency-contract.ts";
import { charge, lockoutOf, quota, START_MS, type StoreUnderTest } from "./fixtures.ts";
import { describeLeases } from "./lease-contract.ts";
import { describeLockouts } from "./lockout-contract.ts";
import { describePermits } from "./permit-contract.ts";
import { describeSettlements } from "./settlement-contract.ts";

export { charge, patience, plain, quota, START_MS } from "./fixtures.ts";

interface Exactness {
  /** Whether refusals are remembered, so that their numbers may be those of an earlier instant. */
  readonly remembers?: boolean;
  /** Whether it leases already. */
  readonly leases?: boolean;
}

/** What every store promises. `open` gives a store with nothing in it. */
export function describeStore(
  name: string,
  open: () => StoreUnderTest,
  { remembers = false, leases = false }: Exactness = {},
): void {
  describe(`${name} keeps the contract of a store`, () => {
    it("admits up to the limit and says what remains", async () => {
      const { store, setTime } = open();
      setTime(START_MS);
      const remaining = [];
      for (let i = 0; i < 3; i++) remaining.push((await store.take([charge()])).decisions[0]?.remaining);
      expect(remaining).toEqual([2, 1, 0]);
    });

    it("refuses over the limit, with the wait after which the same charge is admitted", async () => {
      const { store, setTime } = open();
      setTime(START_MS);
      for (let i = 0; i < 3; i++) await store.take([charge()]);
      setTime(START_MS + 400);
      const refused = await store.take([charge()]);
      expect(refused.admitted).toBe(false);
      expect(refused.receipts).toEqual([]);
      expect(refused.decisions[0]).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 600 });
      setTime(START_MS + 999);
      expect((await store.take([charge()])).admitted).toBe(false);
      setTime(START_MS + 1_000);
      expect((await store.take([charge()])).admitted).toBe(true);
    });

    it("says that a cost above the limit never fits", async () => {
      const { store, setTime } = open();
      setTime(START_MS);
      const { admitted, decisions } = await store.take([charge({ cost: 4 })]);
      expect(admitted).toBe(false);
      expect(decisions[0]?.retryAfterMs).toBe(Number.POSITIVE_INFINITY);
    });

    it("charges no quota of a key when one of them refuses", async () => {
      const { store, setTime } = open();
      setTime(START_MS);
      const small = charge({ quota: quota(1, 1_000) });
      const large = charge({ quota: quota(5, 60_000) });
      await store.take([small, large]);
      const refused = await store.take([small, large]);
      expect(refused.admitted).toBe(false);
      expect(refused.decisions[1]).toMatchObject({ allowed: true, remaining: 4 });
      expect((await store.take([large])).decisions[0]?.remaining).toBe(3);
    });

    it("charges no key when another key refuses", async () => {
      const { store, setTime } = open();
      setTime(START_MS);
      const user = charge({ key: "user", quota: quota(1, 1_000) });
      const address = charge({ key: "address", quota: quota(5, 1_000) });
      await store.take([user, address]);
      for (let i = 0; i < 10; i++) expect((await store.take([user, address])).admitted).toBe(false);
      expect((await store.take([address])).decisions[0]?.remaining).toBe(3);
    });

    it("keeps keys, and counts of one key, apart", async () => {
      const { store, setTime } = open();
      setTime(START_MS);
      const one = quota(1, 1_000);
      const charges = [
        charge({ quota: one }),
        charge({ quota: one, key: "bob" }),
        charge({ quota: one, count: "other" }),
      ];
      for (const single of charges) expect((await store.take([single])).admitted).toBe(true);
      for (const single of charges) expect((await store.take([single])).admitted).toBe(false);
    });

    it("counts shadow charges without ever refusing for them", async () => {
      const { store, setTime } = open();
      setTime(START_MS);
      const shadow = charge({ shadow: true, quota: quota(1, 1_000), count: "shadow" });
      await store.take([charge(), shadow]);
      const answer = await store.take([charge(), shadow]);
      expect(answer.admitted).toBe(true);
      expect(answer.decisions.map((decision) => decision?.allowed)).toEqual([true, false]);
      expect(answer.receipts).toHaveLength(1);
    });

    it("gives an admission back when it is settled at nothing", async () => {
      const { store, setTime } = open();
      setTime(START_MS);
      const { receipts } = await store.take([charge({ cost: 3 })]);
      const [standing] = await store.settle(receipts.map((receipt) => ({ receipt, cost: 0 })));
      expect(standing).toMatchObject({ remaining: 3, moreRoomMs: 0, resetMs: 0 });
      expect((await store.take([charge()])).decisions[0]?.remaining).toBe(2);
    });

    it("settles to a lower and to a higher cost", async () => {
      const { store, setTime } = open();
      setTime(START_MS);
      const tens = quota(10, 1_000);
      const { receipts } = await store.take([charge({ quota: tens, cost: 5 })]);
      await store.settle(receipts.map((receipt) => ({ receipt, cost: 2 })));
      const after = await store.take([charge({ quota: tens })]);
      expect(after.decisions[0]?.remaining).toBe(7);
      await store.settle(after.receipts.map((receipt) => ({ receipt, cost: 9 })));
      expect((await store.take([charge({ quota: tens })])).admitted).toBe(false);
    });

    it("admits exactly the limit of a hundred charges at once", async () => {
      const { store, setTime } = open();
      setTime(START_MS);
      const ten = charge({ quota: quota(10, 60_000) });
      const answers = await Promise.all(Array.from({ length: 100 }, () => store.take([ten])));
      expect(answers.filter(({ admitted }) => admitted)).toHaveLength(10);
    });

    it("never goes over a limit with a hundred charges of two keys at once", async () => {
      const { store, setTime } = open();
      setTime(START_MS);
      const user = charge({ key: "user", quota: quota(10, 60_000) });
      const address = charge({ key: "address", quota: quota(20, 60_000) });
      const answers = await Promise.all(Array.from({ length: 100 }, () => store.take([user, address])));
      const admitted = answers.filter((answer) => answer.admitted).length;
      expect(admitted).toBeLessThanOrEqual(10);
      // Whoever was refused gave back what the other key had admitted.
      expect((await store.take([address])).decisions[0]?.remaining).toBe(20 - admitted - 1);
    });

    it("decides every history as the pure core does", async () => {
      // What is remembered of a lockout may outlast it, so that the store never hears of refusals right after it.
      const lockoutMs = remembers ? 600_000 : 4_000;
      await fc.assert(
        fc.asyncProperty(histories(lockoutMs), async (history) => {
          const { store, setTime } = open();
          let records: ReadonlyMap<string, KeyRecord> = new Map();
          let nowMs = START_MS;
          for (const { waitMs, charges } of history) {
            nowMs += waitMs;
            setTime(nowMs);
            const answer = await store.take(charges);
            // What was not asked was not refused, so its lockout did not count anything.
            const asked = charges.filter((_, i) => answer.decisions[i]);
            const expected = takeAll(records, asked, nowMs);
            expect(answer.admitted).toBe(expected.admitted);
            for (const [i, exact] of expected.decisions.entries()) {
              const decision = answer.decisions[charges.indexOf(asked[i] as StoreCharge)];
              expect(decision?.allowed).toBe(exact.allowed);
              expect(decision?.remaining).toBeLessThanOrEqual(exact.remaining);
              if (!remembers) expect(decision).toEqual(exact);
            }
            records = new Map([...records, ...expected.changed]);
          }
        }),
        { numRuns: 40 },
      );
    });
  });
  describeSettlements(name, open);
  describeLockouts(name, open);
  describeConcurrency(name, open);
  describePermits(name, open);
  if (!leases) describeLeases(name, open);
}

const quotas = fc.constantFrom(
  quota(1, 1_000),
  quota(3, 10_000),
  quota(200, 1_000),
  quota(4, 2_000, "token-bucket", 6),
  quota(2, 1_000, "fixed-window"),
);

const charges: fc.Arbitrary<StoreCharge> = fc
  .record({
    key: fc.constantFrom("alice", "bob"),
    quota: quotas,
    cost: fc.integer({ min: 1, max: 3 }),
    shadow: fc.boolean(),
    durable: fc.boolean(),
  })
  .map(charge);

/** Two of the quotas are a policy's that locks out, the bucket is another's. */
function withLockout(charge: StoreCharge, durationMs: number): StoreCharge {
  const { algorithm, limit } = charge.quota;
  if (algorithm === "token-bucket")
    return { ...charge, lockout: lockoutOf(2, { id: "bucket/lockout", durationMs }) };
  return algorithm === "sliding-window" && limit <= 3
    ? { ...charge, lockout: lockoutOf(3, { durationMs }) }
    : charge;
}

/** Takes of up to three charges, each some time after the one before. */
const histories = (lockoutMs: number) =>
  fc.array(
    fc.record({
      waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3_000 })),
      charges: fc.uniqueArray(
        charges.map((charge) => withLockout(charge, lockoutMs)),
        { minLength: 1, maxLength: 3, selector: ({ key, count }) => key + count },
      ),
    }),
    { maxLength: 25 },
  );
