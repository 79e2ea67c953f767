import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Charge } from "../../src/limit/charge.ts";
import { withKnownRefusals } from "../../src/store/edge-cache.ts";
import { createKnownRefusals } from "../../src/store/known-refusals.ts";
import { createLocalStore } from "../../src/store/local.ts";
import type { Store } from "../../src/store/store.ts";
import { charge, describeStore, plain, quota, START_MS } from "./contract.ts";
import { lockoutOf } from "./fixtures.ts";

/** The layer in front of a local store that is asked through `LATENCY_MS` of network, there and back. */
const LATENCY_MS = 20;

function open(latencyMs = LATENCY_MS, final = true) {
  const clock = { nowMs: START_MS };
  const now = () => clock.nowMs;
  const local = createLocalStore(now);
  const asked: (readonly Charge[])[] = [];
  const behind: Store = {
    async take(charges, deadline) {
      asked.push(charges);
      clock.nowMs += latencyMs;
      const answer = await local.take(charges, deadline);
      clock.nowMs += latencyMs;
      return { ...answer, final };
    },
    settle: (settlements, deadline) => local.settle(settlements, deadline),
  };
  const setTime = (ms: number) => {
    clock.nowMs = ms;
  };
  const told = { times: 0 };
  const onKnown = () => {
    told.times += 1;
  };
  const store = plain(withKnownRefusals(behind, createKnownRefusals(now), now, onKnown));
  return { store, setTime, asked, told, clock };
}

describeStore("a store with known refusals in front", () => open(0), { remembers: true });

describe("a known refusal", () => {
  const one = charge({ quota: quota(1, 5_000) });

  it("is answered without asking the store, and told of", async () => {
    const { store, asked, told, clock } = open();
    await store.take([one]);
    await store.take([one]);
    clock.nowMs += 1_000;
    const { admitted, decisions } = await store.take([one]);
    expect(asked).toHaveLength(2);
    expect(told.times).toBe(1);
    expect(admitted).toBe(false);
    // The store decided at START + 60 that 4,960 ms were left; its answer arrived 20 ms later.
    expect(decisions[0]).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 3_960 });
  });

  it("ends no later than the store's own", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(6_000), fc.nat(300), async (waitMs, latencyMs) => {
        const { store, clock } = open(latencyMs);
        await store.take([one]);
        const admittedMs = START_MS + latencyMs;
        await store.take([one]);
        clock.nowMs += waitMs;
        const atStoreMs = clock.nowMs + latencyMs;
        const { admitted } = await store.take([one]);
        if (atStoreMs >= admittedMs + 5_000 + 2 * latencyMs) expect(admitted).toBe(true);
        if (atStoreMs < admittedMs + 5_000) expect(admitted).toBe(false);
      }),
    );
  });

  it("never says to come back too early", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(4_500), fc.nat(200), async (waitMs, latencyMs) => {
        const { store, clock } = open(latencyMs);
        await store.take([one]);
        await store.take([one]);
        clock.nowMs += waitMs;
        const { admitted, decisions } = await store.take([one]);
        if (admitted) return;
        clock.nowMs += decisions[0]?.retryAfterMs ?? 0;
        expect((await store.take([one])).admitted).toBe(true);
      }),
    );
  });

  it("is asked for again after ten seconds", async () => {
    const { store, asked, clock } = open();
    const minute = charge({ quota: quota(1, 60_000) });
    await store.take([minute]);
    await store.take([minute]);
    clock.nowMs += 10_000;
    await store.take([minute]);
    expect(asked).toHaveLength(3);
  });

  it("speaks only for its own quota, key, limit and cost", async () => {
    const { store, asked } = open();
    const ten = charge({ quota: quota(10, 60_000), cost: 6 });
    await store.take([ten]);
    await store.take([ten]);
    for (const other of [
      { ...ten, cost: 5 },
      { ...ten, key: "bob" },
      { ...ten, count: "other" },
      { ...ten, quota: quota(20, 60_000) },
      { ...ten, shadow: true },
    ]) {
      const before = asked.length;
      await store.take([other]);
      expect(asked.length).toBe(before + 1);
    }
    const known = await store.take([{ ...ten, cost: 7 }, charge({ key: "carol" })]);
    expect(known.decisions.map((decision) => decision?.allowed)).toEqual([false, undefined]);
  });

  it("is not kept while an admission may still be given back", async () => {
    const { store, asked } = open(LATENCY_MS, false);
    for (let i = 0; i < 4; i++) await store.take([one]);
    expect(asked).toHaveLength(4);
  });
});

describe("a refusal of a policy with a lockout", () => {
  const one = charge({ quota: quota(1, 3_000), lockout: lockoutOf(3, { durationMs: 15_000 }) });

  /** Locked out at `START_MS`, with the store's calls so far forgotten. */
  async function lockedOut() {
    const opened = open(0);
    for (let i = 0; i < 4; i++) await opened.store.take([one]);
    opened.asked.length = 0;
    return opened;
  }

  it("is not kept before the key is locked out, so that the store counts every one", async () => {
    const { store, asked } = open();
    for (let i = 0; i < 4; i++) await store.take([one]);
    expect(asked).toHaveLength(4);
  });

  it("is answered without asking once the key is locked out, and says so", async () => {
    const { store, asked, clock } = await lockedOut();
    clock.nowMs += 999;
    const { decisions } = await store.take([one]);
    expect(asked).toHaveLength(0);
    expect(decisions[0]).toMatchObject({
      allowed: false,
      lockedOut: true,
      retryAfterMs: 14_001,
      resetMs: 14_001,
    });
  });

  it("is asked for again after a second, and ends with the lockout", async () => {
    const { store, asked, clock } = await lockedOut();
    clock.nowMs += 1_000;
    expect((await store.take([one])).decisions[0]).toMatchObject({ lockedOut: true, retryAfterMs: 14_000 });
    expect(asked).toHaveLength(1);
    clock.nowMs += 13_999;
    expect((await store.take([one])).decisions[0]?.lockedOut).toBe(true);
    clock.nowMs += 1;
    expect((await store.take([one])).admitted).toBe(true);
  });

  it("holds at most a second beyond a lockout that is shorter than the quota's own wait", async () => {
    const { store, asked, clock } = open(0);
    const short = charge({ quota: quota(1, 60_000), lockout: lockoutOf(1, { durationMs: 2_000 }) });
    for (let i = 0; i < 2; i++) await store.take([short]);
    clock.nowMs += 1_999;
    expect((await store.take([short])).decisions[0]?.lockedOut).toBe(true);
    asked.length = 0;
    clock.nowMs += 1_000;
    await store.take([short]);
    expect(asked).toHaveLength(1);
  });

  it("speaks only for its own key and quota", async () => {
    const { store, asked } = await lockedOut();
    expect((await store.take([{ ...one, key: "bob" }])).admitted).toBe(true);
    expect((await store.take([{ ...one, count: "other" }])).decisions[0]?.lockedOut).toBe(true);
    expect(asked).toHaveLength(2);
  });
});

describe("a refusal whose cost may be settled afterwards", () => {
  it("is not kept", async () => {
    const { store, asked } = open();
    const one = charge({ quota: quota(1, 60_000), provisional: true });
    for (let i = 0; i < 4; i++) await store.take([one]);
    expect(asked).toHaveLength(4);
  });

  it("is kept once the key is locked out", async () => {
    const { store, asked } = open();
    const one = charge({ quota: quota(1, 1_000), provisional: true, lockout: lockoutOf(1) });
    for (let i = 0; i < 4; i++) await store.take([one]);
    expect(asked).toHaveLength(2);
  });
});
