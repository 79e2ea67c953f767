import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withKnownRefusals } from "../../src/store/edge-cache.ts";
import { createKeyedStores } from "../../src/store/keyed-stores.ts";
import { createKnownRefusals } from "../../src/store/known-refusals.ts";
import { createLocalStore } from "../../src/store/local.ts";
import type { Store, StoreCharge } from "../../src/store/store.ts";
import { charge, describeStore, patience, plain, quota, START_MS } from "./contract.ts";
import { lockoutOf } from "./fixtures.ts";

/** A store for each key, as objects would be, that records every take and answers after the test's own steps. */
function open({
  edge = false,
  pause = async () => {},
}: {
  edge?: boolean;
  pause?: () => Promise<void>;
} = {}) {
  const clock = { nowMs: START_MS };
  const now = () => clock.nowMs;
  const stores = new Map<string, Store>();
  const takes: string[] = [];
  const storeOf = (key: string): Store => {
    const store = stores.get(key) ?? createLocalStore(now);
    stores.set(key, store);
    return {
      async take(charges, deadline) {
        takes.push(key);
        await pause();
        const answer = await store.take(charges, deadline);
        await pause();
        return answer;
      },
      async settle(settlements, deadline) {
        await pause();
        return store.settle(settlements, deadline);
      },
    };
  };
  const keyed = createKeyedStores(storeOf, now);
  const store = edge ? withKnownRefusals(keyed, createKnownRefusals(now), now) : keyed;
  const setTime = (ms: number) => {
    clock.nowMs = ms;
  };
  return { store: plain(store), setTime, takes, clock };
}

describeStore("one store out of many", () => open());

const charges: fc.Arbitrary<StoreCharge[]> = fc.uniqueArray(
  fc
    .record({
      key: fc.constantFrom("a", "b", "c"),
      quota: fc.constantFrom(quota(1, 1_000), quota(3, 10_000), quota(5, 60_000, "token-bucket")),
      shadow: fc.boolean(),
    })
    .map(charge),
  { minLength: 1, maxLength: 5, selector: ({ key, count }) => key + count },
);

describe("a caller that leaves before its answer", () => {
  it("does not keep its refusal from giving back what others were charged", async () => {
    const now = () => START_MS;
    const one = createLocalStore(now);
    const underWay: Promise<unknown>[] = [];
    const keyed = createKeyedStores(
      () => one,
      now,
      (work) => underWay.push(work),
    );
    const own = charge({ key: "own", quota: quota(1, 60_000) });
    const others = charge({ key: "others", quota: quota(5, 60_000) });
    await keyed.take([own], patience);
    // Nobody waits for this answer; the runtime would cancel what it was not asked to keep.
    void keyed.take([own, others], patience);
    expect(underWay).toHaveLength(2);
    await underWay[1];
    expect((await plain(one).take([others])).decisions[0]?.remaining).toBe(4);
  });
});

describe("a key that is not asked", () => {
  it("was not refused either: its lockout counts nothing", async () => {
    const { store, takes } = open();
    const full = charge({ key: "full", quota: quota(1, 60_000) });
    const one = charge({ key: "one", quota: quota(1, 60_000), lockout: lockoutOf(2) });
    await store.take([full, one]);
    // Both refuse: from now on the first of them is asked alone.
    expect((await store.take([full, one])).decisions[1]?.allowed).toBe(false);
    takes.length = 0;
    for (let i = 0; i < 5; i++) await store.take([full, one]);
    expect(new Set(takes)).toEqual(new Set(["full"]));
    expect((await store.take([one])).decisions[0]?.lockedOut).toBe(true);
  });
});

describe("promise 4: one round trip", () => {
  it("asks each key at most once, and none when one is known to be out of room", async () => {
    const steps = fc.array(fc.record({ waitMs: fc.nat(2_000), charges }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(steps, async (history) => {
        const { store, takes, clock } = open({ edge: true });
        for (const step of history) {
          clock.nowMs += step.waitMs;
          takes.length = 0;
          const answer = await store.take(step.charges);
          expect(takes.length).toBe(new Set(takes).size);
          const asked = takes.length;
          if (answer.admitted) continue;
          expect((await store.take(step.charges)).admitted).toBe(false);
          expect(takes.length).toBe(asked);
        }
      }),
    );
  });
});

describe("promises 1 and 2, whatever the interleaving of several keys", () => {
  it("never goes over, and gives back all that a refusal had charged", async () => {
    const requests = fc.array(charges, { minLength: 2, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), requests, async (scheduler, all) => {
        const { store } = open({ pause: () => scheduler.schedule(Promise.resolve()) });
        const answers = Promise.all(all.map((own) => store.take(own)));
        await scheduler.waitIdle();
        const admitted = (await answers).flatMap(({ receipts }) => receipts.map((receipt) => receipt.charge));
        for (const { key, count, quota } of all.flat()) {
          const standing = admitted.filter((other) => other.key === key && other.count === count).length;
          expect(standing).toBeLessThanOrEqual(quota.limit);
          const probe = store.take([charge({ key, count, quota, cost: quota.limit + 1 })]);
          await scheduler.waitIdle();
          expect((await probe).decisions[0]?.remaining).toBe(quota.limit - standing);
        }
      }),
      { numRuns: 200 },
    );
  });
});
