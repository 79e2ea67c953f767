import { describe, expect, it } from "vitest";
import { createLocalStore } from "../../src/store/local.ts";
import { describeAdministration } from "./administration-contract.ts";
import { charge, describeStore, plain, quota, START_MS } from "./contract.ts";
import { lockoutOf, plainAdministration } from "./fixtures.ts";

function open(maxKeys?: number, onOverflow?: () => void) {
  let nowMs = 0;
  const setTime = (ms: number) => {
    nowMs = ms;
  };
  const store = createLocalStore(() => nowMs, maxKeys, onOverflow);
  return { store: plain(store), administration: plainAdministration(store), setTime };
}

describeStore("the local store", () => open());
describeAdministration("the local store", () => open());

describe("the local store, full of live state", () => {
  it("lets new keys share one count and says so, and keeps those it has", async () => {
    let overflows = 0;
    const { store, setTime } = open(2, () => {
      overflows += 1;
    });
    setTime(START_MS);
    const one = quota(1, 60_000);
    for (const key of ["a", "b", "c"]) {
      expect((await store.take([charge({ key, quota: one })])).admitted).toBe(true);
    }
    for (const key of ["a", "b", "c", "d"]) {
      expect((await store.take([charge({ key, quota: one })])).admitted).toBe(false);
    }
    expect(overflows).toBe(3);
  });

  it("never locks out the keys that share one count", async () => {
    const { store, setTime } = open(1);
    setTime(START_MS);
    const one = charge({ quota: quota(1, 1_000), lockout: lockoutOf(2) });
    await store.take([{ ...one, key: "first", quota: quota(1, 60_000) }]);
    for (let i = 0; i < 10; i++) {
      const [decision] = (await store.take([{ ...one, key: "second" }])).decisions;
      expect(decision?.lockedOut).toBe(undefined);
    }
    setTime(START_MS + 1_000);
    expect((await store.take([{ ...one, key: "third" }])).admitted).toBe(true);
  });

  it("keeps a lockout as it keeps counts, and drops it at its end", async () => {
    const { store, setTime } = open(1);
    setTime(START_MS);
    const one = charge({ quota: quota(1, 1_000), lockout: lockoutOf(1) });
    for (let i = 0; i < 2; i++) await store.take([{ ...one, key: "first" }]);
    setTime(START_MS + 59_000);
    for (let i = 0; i < 2; i++) await store.take([{ ...one, key: "second" }]);
    expect((await store.take([{ ...one, key: "first" }])).decisions[0]?.lockedOut).toBe(true);
    setTime(START_MS + 60_000);
    for (let i = 0; i < 2; i++) await store.take([{ ...one, key: "second" }]);
    expect((await store.take([{ ...one, key: "second" }])).decisions[0]?.lockedOut).toBe(true);
  });

  it("gives a key that an operator edits a record of its own, and keeps it", async () => {
    const { store, administration, setTime } = open(1);
    setTime(START_MS);
    const one = charge({ key: "second", quota: quota(1, 60_000) });
    await store.take([{ ...one, key: "first" }]);
    await administration.override([{ charge: one, limit: 3, untilMs: START_MS + 60_000 }]);
    for (const remaining of [2, 1, 0])
      expect((await store.take([one])).decisions[0]).toMatchObject({ allowed: true, remaining });
    expect((await administration.peek([{ ...one, key: "third" }]))[0]).toMatchObject({
      limit: 1,
      remaining: 1,
    });
  });

  it("makes room by dropping keys whose window is over", async () => {
    const { store, setTime } = open(2);
    const one = quota(1, 1_000);
    setTime(START_MS);
    for (const key of ["a", "b"]) await store.take([charge({ key, quota: one })]);
    setTime(START_MS + 2_000);
    for (const key of ["c", "d"])
      expect((await store.take([charge({ key, quota: one })])).admitted).toBe(true);
    expect((await store.take([charge({ key: "c", quota: one })])).admitted).toBe(false);
  });
});
