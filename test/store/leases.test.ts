import { describe, expect, it } from "vitest";
import { withLeases } from "../../src/store/leases.ts";
import { createLocalStore } from "../../src/store/local.ts";
import { charge, describeStore, patience, plain, quota, START_MS } from "./contract.ts";

const MINUTE = 60_000;
const many = charge({ quota: quota(100_000, MINUTE), lease: true });

/** Leases in front of a local store, all by one clock, and what the store was asked. */
function open({ random = () => 0 } = {}) {
  const clock = { nowMs: START_MS };
  const now = () => clock.nowMs;
  const local = createLocalStore(now);
  const calls = { takes: 0 };
  const leased = withLeases(
    {
      ...local,
      take(...args) {
        calls.takes += 1;
        return local.take(...args);
      },
    },
    { now, newDeadline: () => patience, newWait: () => patience, waitUntil: () => {}, random },
  );
  const setTime = (ms: number) => {
    clock.nowMs = ms;
  };
  return { store: plain(leased), setTime, clock, calls, local };
}

describeStore("a store with leases in front", () => open());

describe("leases", () => {
  it("decide most requests of a steady caller without asking the store", async () => {
    const { store, clock, calls } = open();
    for (let i = 0; i < 1_000; i++) {
      expect((await store.take([many])).admitted).toBe(true);
      clock.nowMs += 5;
    }
    expect(calls.takes).toBeLessThan(50);
  });
});
