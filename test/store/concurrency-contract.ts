import { describe, expect, it } from "vitest";
import type { Receipt } from "../../src/limit/charge.ts";
import { CONCURRENCY } from "../../src/limit/quota.ts";
import type { Settlement } from "../../src/limit/settle.ts";
import { charge, quota, START_MS, type StoreUnderTest } from "./fixtures.ts";

const EXPIRY_MS = 180_000;
/** Three at once. Provisional, since a release may come at any moment: nobody is to remember a refusal. */
const three = charge({
  quota: quota(3, EXPIRY_MS, CONCURRENCY),
  count: "policy/concurrency",
  provisional: true,
});

/** As `store/slots.ts` renews: given back and taken anew, in one settlement. */
function renewal(receipt: Receipt): Settlement[] {
  const anew = { ...receipt, charge: { ...receipt.charge, cost: 0 } };
  return [
    { receipt, cost: 0 },
    { receipt: anew, cost: receipt.charge.cost },
  ];
}

/** What every store promises of concurrency quotas. */
export function describeConcurrency(name: string, open: () => StoreUnderTest): void {
  function opened() {
    const { store, setTime } = open();
    const at = (afterMs: number) => setTime(START_MS + afterMs);
    at(0);
    const take = async () => (await store.take([three])).receipts[0];
    /** A slot that was surely admitted. */
    async function slot(): Promise<Receipt> {
      const receipt = await take();
      if (!receipt) throw new Error("expected a slot");
      return receipt;
    }
    const release = (receipt: Receipt) => store.settle([{ receipt, cost: 0 }]);
    async function renew(receipt: Receipt): Promise<Receipt> {
      const [, standing] = await store.settle(renewal(receipt));
      return { ...receipt, timeMs: standing?.nowMs ?? Number.NaN };
    }
    /** How many more there is room for. */
    async function room(): Promise<number> {
      const receipt = await take();
      if (!receipt) return 0;
      const [standing] = await release(receipt);
      return standing?.remaining ?? Number.NaN;
    }
    return { at, take, slot, release, renew, room };
  }

  describe(`${name} counts what is under way`, () => {
    it("admits so many at once and no more", async () => {
      const { at, slot, take } = opened();
      for (let i = 0; i < 3; i++) await slot();
      expect(await take()).toBe(undefined);
      at(EXPIRY_MS - 1);
      expect(await take()).toBe(undefined);
    });

    it("has room again for each that was released, however often that happens", async () => {
      const { at, slot, take, release } = opened();
      const held = [await slot(), await slot(), await slot()];
      for (let i = 1; i <= 20; i++) {
        at(i * 100);
        const ended = held.splice(i % 3, 1)[0];
        if (ended) await release(ended);
        held.push(await slot());
        expect(await take()).toBe(undefined);
      }
    });

    it("forgets what nobody renewed, at its expiry", async () => {
      const { at, slot, room } = opened();
      await slot();
      at(60_000);
      await slot();
      at(EXPIRY_MS - 1);
      expect(await room()).toBe(1);
      at(EXPIRY_MS);
      expect(await room()).toBe(2);
      at(EXPIRY_MS + 60_000);
      expect(await room()).toBe(3);
    });

    it("keeps what is renewed, as long as it is", async () => {
      const { at, slot, renew, room } = opened();
      let held = await slot();
      for (let i = 1; i <= 10; i++) {
        at(i * 60_000);
        held = await renew(held);
        expect(await room()).toBe(2);
      }
      at(10 * 60_000 + EXPIRY_MS - 1);
      expect(await room()).toBe(2);
      at(10 * 60_000 + EXPIRY_MS);
      expect(await room()).toBe(3);
    });

    it("has room again for a slot that was renewed and then released", async () => {
      const { at, slot, renew, release, room } = opened();
      const held = await slot();
      at(60_000);
      const renewed = await renew(held);
      at(61_000);
      await release(renewed);
      expect(await room()).toBe(3);
    });

    it("renews several in one settlement, also where their entries are one", async () => {
      const { store, setTime } = open();
      setTime(START_MS);
      const receipts: Receipt[] = [];
      for (let i = 0; i < 3; i++) receipts.push(...(await store.take([three])).receipts);
      setTime(START_MS + 60_000);
      const standings = await store.settle(receipts.flatMap(renewal));
      expect(standings.map(({ remaining }) => remaining)).toEqual(Array(6).fill(0));
      setTime(START_MS + EXPIRY_MS + 60_000 - 1);
      expect((await store.take([three])).admitted).toBe(false);
    });

    it("lets a slot that had expired come back by its renewal, above the limit if it must", async () => {
      const { at, slot, renew, release, take, room } = opened();
      const late = await slot();
      at(EXPIRY_MS);
      const others = [await slot(), await slot(), await slot()];
      at(EXPIRY_MS + 1_000);
      const back = await renew(late);
      expect(await take()).toBe(undefined);
      for (const other of others.slice(1)) await release(other);
      // One of three is left, and the one that came back.
      expect(await room()).toBe(1);
      await release(back);
      expect(await room()).toBe(2);
    });

    it("does not count a slot again whose renewal was counted though its answer was lost", async () => {
      const { at, slot, renew, release, room } = opened();
      const held = await slot();
      const other = await slot();
      at(60_000);
      await renew(held);
      at(120_000);
      const renewed = await renew(held);
      expect(await room()).toBe(1);
      await release(renewed);
      await release(other);
      expect(await room()).toBe(3);
    });
  });
}
