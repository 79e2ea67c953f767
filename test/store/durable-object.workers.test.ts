import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createCounterAdministration } from "../../src/store/counter-administration.ts";
import type { CounterObject } from "../../src/store/counter-object.ts";
import { createRemote, type Row } from "../../src/store/counter-wire.ts";
import { createCounterStore } from "../../src/store/durable-object.ts";
import { createKeyedStores } from "../../src/store/keyed-stores.ts";
import { describeAdministration } from "./administration-contract.ts";
import { charge, describeStore, plain, quota, START_MS } from "./contract.ts";
import { lockoutOf, patience, plainAdministration } from "./fixtures.ts";

const counters = (env as unknown as { COUNTERS: DurableObjectNamespace<CounterObject> }).COUNTERS;
const OPTIONS = { tentativeMs: 2_000, leasedTentativeMs: 2_000, waitUntil: () => {} };
let opened = 0;

/** A store with objects of its own, which records every call. */
function open() {
  const prefix = `test-${opened++}`;
  const calls: string[] = [];
  const counterOf = (key: string) => counters.getByName(`${prefix}:${key}`);
  const recorded = (key: string) => {
    const counter = counterOf(key);
    return {
      take: (row: Row) => {
        calls.push(`take ${key}`);
        return counter.take(row);
      },
      settle: (row: Row) => {
        calls.push(`settle ${key}`);
        return counter.settle(row);
      },
    };
  };
  const store = createKeyedStores(
    (key) => createCounterStore(() => createRemote(recorded(key)), OPTIONS),
    Date.now,
  );
  const administration = plainAdministration(createCounterAdministration(counterOf));
  return { store: plain(store), administration, setTime: vi.setSystemTime, counterOf, calls };
}

const storedIn = (stub: DurableObjectStub<CounterObject>) =>
  runInDurableObject(stub, (_, state) => [...state.storage.kv.list()]);
const alarmOf = (stub: DurableObjectStub<CounterObject>) =>
  runInDurableObject(stub, (_, state) => state.storage.getAlarm());

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: START_MS });
});
afterEach(() => {
  vi.useRealTimers();
});

describeStore("the Durable Object store", open);
describeAdministration("the Durable Object store", open);

describe("a key object", () => {
  it("continues the count after it was evicted from memory", async () => {
    const { store, counterOf } = open();
    const two = charge({ quota: quota(2, 60_000) });
    await store.take([two]);
    await evictDurableObject(counterOf("alice"));
    expect((await store.take([two])).decisions[0]?.remaining).toBe(0);
    await evictDurableObject(counterOf("alice"));
    expect((await store.take([two])).admitted).toBe(false);
  });

  it("writes one value with a format number for an admission, and nothing for a refusal", async () => {
    const { store, counterOf } = open();
    const one = charge({ quota: quota(1, 60_000) });
    await store.take([one, charge({ count: "other" })]);
    const before = await storedIn(counterOf("alice"));
    expect(before).toEqual([["alice", expect.objectContaining({ format: 1 })]]);
    const puts = await runInDurableObject(counterOf("alice"), (_, state) => vi.spyOn(state.storage, "put"));
    vi.setSystemTime(START_MS + 5_000);
    expect((await store.take([one])).admitted).toBe(false);
    expect(puts).not.toHaveBeenCalled();
    expect(await storedIn(counterOf("alice"))).toEqual(before);
  });

  it("waits for the disk only when a charge is durable", async () => {
    const { store, counterOf } = open();
    await store.take([charge()]);
    const puts = await runInDurableObject(counterOf("alice"), (_, state) => vi.spyOn(state.storage, "put"));
    await store.take([charge()]);
    await store.take([charge({ durable: true })]);
    expect(puts.mock.calls.map((call: unknown[]) => call[2])).toEqual([
      { allowUnconfirmed: true },
      { allowUnconfirmed: false },
    ]);
  });

  it("writes once for many admissions of a busy key, and counts its reserve after it was evicted", async () => {
    const { store, counterOf } = open();
    const busy = charge({ quota: quota(10_000, 60_000) });
    for (let i = 0; i < 400; i++) await store.take([busy]);
    const puts = await runInDurableObject(counterOf("alice"), (_, state) => vi.spyOn(state.storage, "put"));
    for (let i = 0; i < 50; i++) await store.take([busy]);
    // Each reserve is an eighth of what came before.
    expect(puts.mock.calls.length).toBeLessThanOrEqual(2);
    expect((await store.take([busy])).decisions[0]?.remaining).toBe(9_549);
    await evictDurableObject(counterOf("alice"));
    const remaining = (await store.take([busy])).decisions[0]?.remaining ?? Number.NaN;
    expect(remaining).toBeLessThan(9_548);
    expect(remaining).toBeGreaterThanOrEqual(9_548 - 57);
  });

  it("sets an alarm only when none is pending", async () => {
    const { store, counterOf } = open();
    await store.take([charge()]);
    const alarms = await runInDurableObject(counterOf("alice"), (_, state) =>
      vi.spyOn(state.storage, "setAlarm"),
    );
    await store.take([charge()]);
    expect(alarms).not.toHaveBeenCalled();
    await evictDurableObject(counterOf("alice"));
    const later = await runInDurableObject(counterOf("alice"), (_, state) =>
      vi.spyOn(state.storage, "setAlarm"),
    );
    await store.take([charge()]);
    expect(later).not.toHaveBeenCalled();
  });

  it("deletes everything once its state is idle", async () => {
    const { store, counterOf } = open();
    await store.take([charge({ quota: quota(1, 60_000) })]);
    expect(await alarmOf(counterOf("alice"))).toBe(START_MS + 60_000);
    vi.setSystemTime(START_MS + 60_000);
    expect(await runDurableObjectAlarm(counterOf("alice"))).toBe(true);
    expect(await storedIn(counterOf("alice"))).toEqual([]);
    expect(await alarmOf(counterOf("alice"))).toBe(null);
    expect((await store.take([charge({ quota: quota(1, 60_000) })])).admitted).toBe(true);
  });

  it("keeps live state when its alarm comes early, and looks again when that is idle", async () => {
    const { store, counterOf } = open();
    const minute = charge({ quota: quota(5, 60_000) });
    await store.take([minute]);
    vi.setSystemTime(START_MS + 50_000);
    await store.take([minute]);
    vi.setSystemTime(START_MS + 60_000);
    await runDurableObjectAlarm(counterOf("alice"));
    expect(await alarmOf(counterOf("alice"))).toBe(START_MS + 110_000);
    expect((await store.take([minute])).decisions[0]?.remaining).toBe(3);
  });

  it("is cleaned up later when an alarm was lost", async () => {
    const { store, counterOf } = open();
    await store.take([charge()]);
    await runInDurableObject(counterOf("alice"), (_, state) => state.storage.deleteAlarm());
    await evictDurableObject(counterOf("alice"));
    vi.setSystemTime(START_MS + 60_000);
    await store.take([charge()]);
    expect(await alarmOf(counterOf("alice"))).not.toBe(null);
  });

  it("takes state that it cannot read for empty", async () => {
    const { store, counterOf } = open();
    const lines = vi.spyOn(console, "log").mockImplementation(() => {});
    await runInDurableObject(counterOf("alice"), (_, state) => state.storage.kv.put("alice", { format: 99 }));
    expect((await store.take([charge()])).decisions[0]?.remaining).toBe(2);
    expect(lines.mock.calls.flat()).toContainEqual(expect.stringContaining('"event":"corrupt_state"'));
  });

  it("never runs back in time, and says how long the clock takes to return", async () => {
    const { store } = open();
    const one = charge({ quota: quota(1, 1_000) });
    await store.take([one]);
    vi.setSystemTime(START_MS - 3_600_000);
    expect((await store.take([one])).decisions[0]).toMatchObject({ allowed: false, retryAfterMs: 3_601_000 });
  });
});

describe("a key object and lockouts", () => {
  const one = charge({ quota: quota(1, 1_000), lockout: lockoutOf(2) });

  it("keeps refusals and lockouts when it is evicted from memory", async () => {
    const { store, counterOf } = open();
    const refusals = [];
    await store.take([one]);
    for (let i = 0; i < 3; i++) {
      await evictDurableObject(counterOf("alice"));
      refusals.push((await store.take([one])).decisions[0]?.lockedOut);
    }
    expect(refusals).toEqual([undefined, true, true]);
  });

  it("writes for a refusal that counts as for an admission, and not while the key is locked out", async () => {
    const { store, counterOf } = open();
    await store.take([one]);
    const puts = await runInDurableObject(counterOf("alice"), (_, state) => vi.spyOn(state.storage, "put"));
    for (const durable of [false, true, true]) await store.take([{ ...one, durable }]);
    expect(puts.mock.calls.map((call: unknown[]) => call[2])).toEqual([
      { allowUnconfirmed: true },
      { allowUnconfirmed: false },
    ]);
  });

  it("cleans up after a caller that was only ever refused", async () => {
    const { store, counterOf } = open();
    await store.take([{ ...one, cost: 2, lockout: lockoutOf(2, { withinMs: 20_000 }) }]);
    expect(await alarmOf(counterOf("alice"))).toBe(START_MS + 20_000);
    vi.setSystemTime(START_MS + 20_000);
    expect(await runDurableObjectAlarm(counterOf("alice"))).toBe(true);
    expect(await storedIn(counterOf("alice"))).toEqual([]);
  });

  it("keeps a lockout when its alarm comes early, and deletes it at its end", async () => {
    const { store, counterOf } = open();
    for (let i = 0; i < 3; i++) await store.take([one]);
    vi.setSystemTime(START_MS + 10_000);
    await runDurableObjectAlarm(counterOf("alice"));
    expect(await alarmOf(counterOf("alice"))).toBe(START_MS + 60_000);
    await evictDurableObject(counterOf("alice"));
    expect((await store.take([one])).decisions[0]?.lockedOut).toBe(true);
    vi.setSystemTime(START_MS + 60_000);
    await runDurableObjectAlarm(counterOf("alice"));
    expect(await storedIn(counterOf("alice"))).toEqual([]);
  });
});

describe("a key object and operators", () => {
  const five = charge({ quota: quota(5, 60_000) });
  const block = { charge: five, limit: 0, untilMs: START_MS + 3_600_000 };

  it("writes an edit at once and waits for the disk, and writes nothing to be looked at", async () => {
    const { administration, counterOf } = open();
    await administration.peek([five]);
    expect(await storedIn(counterOf("alice"))).toEqual([]);
    expect(await alarmOf(counterOf("alice"))).toBe(null);
    const puts = await runInDurableObject(counterOf("alice"), (_, state) => vi.spyOn(state.storage, "put"));
    await administration.override([block]);
    await administration.reset([five]);
    await administration.peek([five]);
    expect(puts.mock.calls.map((call: unknown[]) => call[2])).toEqual(
      Array(2).fill({ allowUnconfirmed: false }),
    );
  });

  it("keeps an override when it is evicted from memory, and deletes it after its end", async () => {
    const { store, administration, counterOf } = open();
    await administration.override([block]);
    await evictDurableObject(counterOf("alice"));
    expect((await store.take([five])).decisions[0]).toMatchObject({ allowed: false, limit: 0 });
    expect(await alarmOf(counterOf("alice"))).toBe(block.untilMs);
    vi.setSystemTime(block.untilMs);
    await runDurableObjectAlarm(counterOf("alice"));
    expect(await storedIn(counterOf("alice"))).toEqual([]);
  });

  it("keeps a reset when it is evicted from memory, and deletes what it kept of it", async () => {
    const { store, administration, counterOf } = open();
    const { receipts } = await store.take([{ ...five, cost: 5 }]);
    await administration.reset([five]);
    await evictDurableObject(counterOf("alice"));
    await store.take([five]);
    await store.settle(receipts.map((receipt) => ({ receipt, cost: 0 })));
    expect((await administration.peek([five]))[0]?.remaining).toBe(4);
    vi.setSystemTime(START_MS + 70_000);
    await runDurableObjectAlarm(counterOf("alice"));
    expect(await storedIn(counterOf("alice"))).toEqual([]);
  });

  it("of another release is not believed", async () => {
    const strange = [
      {},
      { administer: () => Promise.reject(new TypeError("no such method")) },
      { administer: () => ({ format: 2, standings: [] }) },
    ];
    for (const object of strange) {
      const administration = createCounterAdministration(() => object as never);
      await expect(administration.peek([five], patience)).rejects.toThrow();
    }
    const answer = await runInDurableObject(open().counterOf("alice"), (object) => {
      try {
        return object.administer({ format: 2 } as never);
      } catch (error) {
        return String(error);
      }
    });
    expect(answer).toContain("format");
  });
});

describe("several key objects", () => {
  const user = charge({ key: "user", quota: quota(1, 60_000) });
  const address = charge({ key: "address", quota: quota(5, 60_000) });

  it("are asked once each, however many quotas they hold", async () => {
    const { store, calls } = open();
    await store.take([user, address, charge({ key: "user", count: "hour" })]);
    expect(calls.toSorted()).toEqual(["take address", "take user"]);
  });

  it("give back what they admitted when another refuses, and say how they stand then", async () => {
    const { store, calls } = open();
    await store.take([user]);
    await store.take([charge({ key: "user" })]);
    calls.length = 0;
    const refused = await store.take([user, address]);
    expect(calls).toEqual(["take user", "take address", "settle address"]);
    expect(refused.decisions[1]).toMatchObject({ allowed: true, remaining: 5 });
  });

  it("are not asked while one that refused lately refuses again", async () => {
    const { store, calls } = open();
    await store.take([user]);
    await store.take([user]);
    calls.length = 0;
    const refused = await store.take([address, user]);
    expect(calls).toEqual(["take user"]);
    expect(refused.decisions[0]).toBeUndefined();
    vi.setSystemTime(START_MS + 10_000);
    calls.length = 0;
    await store.take([address, user]);
    expect(calls).toEqual(["take address", "take user", "settle address"]);
  });

  it("are not used up by a caller over its own quota who sends another's key", async () => {
    const { store } = open();
    const attacker = charge({ key: "attacker", quota: quota(2, 60_000) });
    const victim = charge({ key: "victim", quota: quota(5, 60_000) });
    await store.take([attacker]);
    await store.take([attacker]);
    for (let i = 0; i < 5; i++) {
      await Promise.all(Array.from({ length: 20 }, () => store.take([attacker, victim])));
    }
    expect((await store.take([victim])).decisions[0]?.remaining).toBe(4);
  });

  it("do not call a refusal final while an admission may still be given back", async () => {
    const { store } = open();
    const full = charge({ key: "user", quota: quota(1, 60_000) });
    await store.take([full, address]);
    expect((await store.take([full])).final).toBe(false);
    vi.setSystemTime(START_MS + 2_000);
    expect((await store.take([full])).final).toBe(true);
  });
});
