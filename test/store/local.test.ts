import { describe, expect, it } from "vitest";
import { createLocalStore } from "../../src/store/local.ts";
import { charge, describeStore, plain, quota, START_MS } from "./contract.ts";

function open(maxKeys?: number, onOverflow?: () => void) {
  let nowMs = 0;
  const setTime = (ms: number) => {
    nowMs = ms;
  };
  return { store: plain(createLocalStore(() => nowMs, maxKeys, onOverflow)), setTime };
}

describeStore("the local store", () => open());

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
