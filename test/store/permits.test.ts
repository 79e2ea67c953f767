import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createBreaker } from "../../src/store/breaker.ts";
import { createDeadline } from "../../src/store/deadline.ts";
import { withGuard } from "../../src/store/guard.ts";
import { createKnownRefusals } from "../../src/store/known-refusals.ts";
import { createLadder } from "../../src/store/ladder.ts";
import { createLocalStore } from "../../src/store/local.ts";
import { createPermitPool } from "../../src/store/permits.ts";
import type { Store, StoreCharge } from "../../src/store/store.ts";
import { charge, patience, quota, START_MS } from "./fixtures.ts";
import { costsOf, createWorld, shortWay } from "./permit-world.ts";

const MINUTE = 60_000;
const many = charge({ quota: quota(100_000, MINUTE), onError: "closed" });

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS });
});
afterEach(() => {
  vi.useRealTimers();
});

type World = ReturnType<typeof createWorld>;

async function remainingIn({ store }: World, one: StoreCharge): Promise<number> {
  const [outcome] = (await store.take([one], patience)).outcomes;
  return outcome?.kind === "decided" ? outcome.decision.remaining : Number.NaN;
}

describe("a pool of permits", () => {
  it.each([
    [10, 100],
    [100, 10],
    [1_000, 1],
  ])(
    "of a sender of %i a second makes at most 15 calls per 1,000 messages, after the first few",
    async (perSecond, everyMs) => {
      const world = createWorld([many], shortWay(20));
      const { send } = world.isolate();
      let before = 0;
      for (let i = 0; i < 3_000; i++) {
        if (i === 1_000) before = world.calls.takes + world.calls.settles;
        void send();
        await world.pass(everyMs);
      }
      const calls = (world.calls.takes + world.calls.settles - before) / 2;
      expect(world.passed).toHaveLength(3_000);
      // A call brings what is used in a second.
      expect(calls).toBeLessThanOrEqual(Math.max(15, (1.5 * 1_000) / perSecond));
    },
  );

  it("of a bursty sender makes at most 15 calls per 1,000 messages", async () => {
    const world = createWorld([many], shortWay(20));
    const { send } = world.isolate();
    for (let burst = 0; burst < 10; burst++) {
      for (let i = 0; i < 300; i++) void send();
      await world.pass(900);
    }
    expect(world.passed).toHaveLength(3_000);
    expect((world.calls.takes + world.calls.settles) / 3).toBeLessThanOrEqual(15);
  });

  it("of a slow sender makes one call for each message, and takes nothing ahead", async () => {
    const world = createWorld([many], shortWay(20));
    const { send } = world.isolate();
    for (let i = 0; i < 20; i++) {
      void send();
      await world.pass(3_000);
    }
    expect(world.calls).toMatchObject({ takes: 20, settles: 0 });
    expect(world.calls.asked.flat().every(({ ahead }) => ahead === undefined)).toBe(true);
  });

  it("never lets a steady sender wait, once it knows the pace", async () => {
    const world = createWorld([many], shortWay(60));
    const { pool } = world.isolate();
    const waited: number[] = [];
    for (let i = 0; i < 1_000; i++) {
      if (pool.use(costsOf([many])) instanceof Promise) waited.push(i);
      await world.pass(10);
    }
    expect(waited.filter((i) => i > 100)).toEqual([]);
  });

  it.each([100, 1_000])(
    "lets exactly the limit of %i through when nothing else uses the key",
    async (limit) => {
      const one = charge({ quota: quota(limit, 10 * MINUTE), onError: "closed" });
      const world = createWorld([one], shortWay(20));
      const { send } = world.isolate();
      const sent = [];
      for (let i = 0; i < limit + 100; i++) {
        sent.push(send());
        await world.pass(i % 3 === 0 ? 25 : 2);
      }
      await world.pass(3_000);
      const passed = await Promise.all(sent);
      // In the end, too, nothing is refused before the last.
      expect(passed.filter(Boolean)).toHaveLength(limit);
    },
  );

  it("falls to single takes near the limit", async () => {
    const one = charge({ quota: quota(400, 10 * MINUTE), onError: "closed" });
    const world = createWorld([one], shortWay(5));
    const { send } = world.isolate();
    await world.store.take([{ ...one, cost: 390 }], patience);
    for (let i = 0; i < 20; i++) {
      void send();
      await world.pass(20);
    }
    expect(world.passed).toHaveLength(10);
    expect(world.calls.takes).toBeGreaterThan(5);
  });

  it("gives back what it did not use once it has been idle for a second", async () => {
    const world = createWorld([many]);
    const { send } = world.isolate();
    for (let i = 0; i < 200; i++) {
      void send();
      await world.pass(10);
    }
    expect(await remainingIn(world, many)).toBeLessThan(100_000 - 201);
    await world.pass(2_000);
    expect(await remainingIn(world, many)).toBe(100_000 - 202);
  });

  it("gives back at once when it is left, with what a call under way still brings", async () => {
    const world = createWorld([many], shortWay(100));
    const { send, pool } = world.isolate();
    for (let i = 0; i < 200; i++) {
      void send();
      await world.pass(10);
    }
    // Late enough in what is held that it asks for more.
    const takes = world.calls.takes;
    while (world.calls.takes === takes) {
      void send();
      await world.pass(10);
    }
    pool.giveBack();
    await world.pass(500);
    expect(await remainingIn(world, many)).toBe(100_000 - world.passed.length - 1);
  });

  it("gives back what came to its end unused, at the next use", async () => {
    const world = createWorld([many]);
    const { send } = world.isolate();
    for (let i = 0; i < 100; i++) void send();
    await world.pass(0);
    for (let i = 0; i < 5; i++) {
      await world.pass(900);
      void send();
    }
    await world.pass(0);
    // What is held now is for a second of one message.
    expect(await remainingIn(world, many)).toBeGreaterThanOrEqual(100_000 - world.passed.length - 60);
    expect(world.calls.settles).toBeGreaterThan(0);
  });

  it("does not use what it holds in its last tenth of a second, counted from asking", async () => {
    let backMs = 0;
    const world = createWorld([many], { thereMs: () => 0, backMs: () => backMs, isLost: () => false });
    const { send, pool } = world.isolate();
    for (let i = 0; i < 50; i++) void send();
    await world.pass(0);
    backMs = 300;
    while (!(pool.use(costsOf([many])) instanceof Promise));
    await world.pass(300);
    vi.setSystemTime(START_MS + 2_000 - 101);
    expect(pool.use(costsOf([many]))).toBe(undefined);
    vi.setSystemTime(START_MS + 2_000 - 100);
    expect(pool.use(costsOf([many]))).toBeInstanceOf(Promise);
  });
});

describe("a refusal", () => {
  const ten = charge({ quota: quota(10, MINUTE), onError: "closed" });
  const costing = (cost: number) => costsOf([{ ...ten, cost }]);

  async function refused(cost: number) {
    const world = createWorld([ten]);
    const own = world.isolate();
    await world.store.take([{ ...ten, cost: 9 }], patience);
    expect(await own.send(costing(cost))).toBe(false);
    return { world, ...own };
  }

  it("is believed for a second, and told as it stands", async () => {
    const { world, pool, send } = await refused(2);
    await world.pass(999);
    const use = pool.use(costing(2));
    expect(use).toMatchObject({ admitted: false, outcomes: [{ decision: { retryAfterMs: MINUTE - 999 } }] });
    expect(world.calls.takes).toBe(1);
    await world.pass(1);
    await send(costing(2));
    expect(world.calls.takes).toBe(2);
  });

  it("is believed of what costs at least as much, and not of what costs less", async () => {
    const { world, send } = await refused(2);
    expect(await send(costing(3))).toBe(false);
    expect(world.calls.takes).toBe(1);
    expect(await send(costing(1))).toBe(true);
    expect(world.calls.takes).toBe(2);
  });

  it("is believed no longer than it lasts", async () => {
    const { world, send } = await refused(1_000_000);
    await world.pass(MINUTE - 300);
    expect(await send(costing(2))).toBe(false);
    await world.pass(299);
    expect(await send(costing(2))).toBe(false);
    await world.pass(1);
    expect(await send(costing(2))).toBe(true);
  });

  it("is not final where others may hold permits: nobody in front of the store is to remember it", async () => {
    for (const [one, provisional] of [
      [many, true],
      [ten, false],
    ] as const) {
      const world = createWorld([one]);
      await world.isolate().send();
      expect(world.calls.asked[0]?.[0]?.provisional).toBe(provisional);
    }
  });
});

describe("several charges of one message", () => {
  const minute = charge({ quota: quota(1_000, MINUTE), onError: "closed" });
  const bytes = charge({ quota: quota(50_000, MINUTE), count: "bytes", onError: "closed" });

  it("are paid all or nothing", async () => {
    const world = createWorld([minute, bytes], shortWay(5));
    const { send } = world.isolate();
    const sized = (size: number) =>
      new Map([
        [minute.count, 1],
        [bytes.count, size],
      ]);
    const sent = [];
    for (let i = 0; i < 300; i++) {
      sent.push(send(sized(250)));
      await world.pass(20);
    }
    const passed = (await Promise.all(sent)).filter(Boolean).length;
    // 200 messages use up the bytes.
    expect(passed).toBe(200);
    await world.pass(3_000);
    expect(await remainingIn(world, minute)).toBe(1_000 - 200 - 1);
    expect(await remainingIn(world, { ...bytes, cost: 0 })).toBe(0);
  });

  it("take nothing ahead where one of them has too little to", async () => {
    // A twentieth of it, which is the most, is less than one message costs.
    const few = charge({ quota: quota(100, MINUTE), count: "few", cost: 6, onError: "closed" });
    const world = createWorld([many, few]);
    const { send } = world.isolate();
    for (let i = 0; i < 10; i++) {
      void send();
      await world.pass(10);
    }
    expect(world.passed).toHaveLength(10);
    expect(world.calls.asked.flat().every(({ ahead }) => ahead === undefined)).toBe(true);
  });

  it.each(["token-bucket", "fixed-window"] as const)(
    "take nothing ahead where one is a %s",
    async (algorithm) => {
      const world = createWorld([many, charge({ quota: quota(1_000, MINUTE, algorithm), count: "other" })]);
      const { send } = world.isolate();
      for (let i = 0; i < 50; i++) {
        void send();
        await world.pass(10);
      }
      expect(world.calls).toMatchObject({ takes: 50, settles: 0 });
    },
  );
});

describe("messages at once", () => {
  it("of several sockets wait for one call, not for one each", async () => {
    const world = createWorld([many], shortWay(50));
    const { send } = world.isolate();
    const sent = Array.from({ length: 200 }, () => send());
    await world.pass(400);
    expect((await Promise.all(sent)).every(Boolean)).toBe(true);
    // Two who wait in vain, and a tenth more for whom the second call's pace had already slowed.
    expect(world.calls.takes).toBeLessThanOrEqual(25);
  });

  it("do not wait one behind the other where a call brings little", async () => {
    const one = charge({ quota: quota(40, MINUTE), onError: "closed" });
    const world = createWorld([one], shortWay(100));
    const { send } = world.isolate();
    const sent = Array.from({ length: 40 }, () => send());
    // Two calls of others, and one's own.
    await world.pass(3 * 200);
    expect(world.passed).toHaveLength(40);
    expect((await Promise.all(sent)).filter(Boolean)).toHaveLength(40);
  });

  it("go on by their own deadline when the asker dies in mid-call", async () => {
    const store = createLocalStore(Date.now);
    let isDying = true;
    const pool = createPermitPool([many], {
      store: { ...store, take: (...asked) => (isDying ? new Promise(() => {}) : store.take(...asked)) },
      now: Date.now,
      newDeadline: () => createDeadline(1_000),
      waitUntil: () => {},
    });
    // The second knows a pace, so that others wait for what it brings.
    for (let i = 0; i < 2; i++) void pool.use(costsOf([many]));
    isDying = false;
    const waiting = Promise.all(Array.from({ length: 5 }, () => pool.use(costsOf([many]))));
    let hasEnded = false;
    void waiting.then(() => {
      hasEnded = true;
    });
    await vi.advanceTimersByTimeAsync(999);
    expect(hasEnded).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    // Let through: by a call of its own, or by what another's brought.
    expect((await waiting).map((answer) => answer?.admitted ?? true)).toEqual(Array(5).fill(true));
    // Nobody waits for the dead one again.
    let passed = 0;
    for (let i = 0; i < 30; i++) void Promise.resolve(pool.use(costsOf([many]))).then(() => passed++);
    await vi.advanceTimersByTimeAsync(0);
    expect(passed).toBe(30);
  });
});

describe("while the store fails", () => {
  async function failing(onError: StoreCharge["onError"], limit = 100_000) {
    const one = charge({ quota: quota(limit, MINUTE), onError });
    const world = createWorld([one], { ...shortWay(), isLost: () => true });
    const { pool } = world.isolate();
    const kinds: (string | undefined)[] = [];
    for (let i = 0; i < 12; i++) {
      const use = pool.use(costsOf([one]));
      await world.pass(1_000);
      const answer = await use;
      kinds.push(answer ? `${answer.outcomes[0]?.kind} ${answer.admitted}` : "held");
    }
    return kinds;
  }

  it("closed refuses, and is asked again each time", async () => {
    expect(new Set(await failing("closed"))).toEqual(new Set(["closed false"]));
  });

  it("open lets everything through, and holds nothing", async () => {
    expect(new Set(await failing("open"))).toEqual(new Set(["open true"]));
  });

  it("local lets through as many as the limit", async () => {
    const kinds = await failing("local", 5);
    expect(kinds.filter((kind) => kind === "local true")).toHaveLength(5);
    expect(kinds.slice(5).every((kind) => kind === "local false")).toBe(true);
  });
});

describe("a pool whose store does not answer", () => {
  it("waits for it once a second, and leaves the messages between to the ladder", async () => {
    const now = Date.now;
    const local = createLocalStore(now);
    const known = createKnownRefusals(now);
    let takes = 0;
    const hung: Store = {
      take() {
        takes += 1;
        return new Promise(() => {});
      },
      settle: async () => [],
    };
    // As with one hung object, which alone never opens the breaker.
    const parts = { breaker: createBreaker(now, 3), ladder: createLadder(local, known), report: () => {} };
    const one = charge({ quota: quota(100, MINUTE), onError: "open" });
    const pool = createPermitPool([one], {
      store: withGuard(hung, "part", parts),
      now,
      newDeadline: () => createDeadline(200),
      waitUntil: () => {},
    });
    const passed: number[] = [];
    const sending = (async () => {
      for (let i = 0; i < 50; i++) {
        const answer = await pool.use(costsOf([one]));
        expect(answer?.admitted).toBe(true);
        passed.push(Date.now() - START_MS);
      }
    })();
    await vi.advanceTimersByTimeAsync(300);
    expect(passed).toHaveLength(50);
    expect(takes).toBe(1);
    await sending;
    await vi.advanceTimersByTimeAsync(1_000);
    void pool.use(costsOf([one]));
    await vi.advanceTimersByTimeAsync(300);
    expect(takes).toBe(2);
  });
});

describe("a pool with a charge that has nothing to spare", () => {
  it("takes nothing ahead that nobody could use", async () => {
    const spent = charge({ quota: quota(100, 10 * MINUTE), count: "spent", shadow: true });
    const world = createWorld([many, spent], shortWay(5));
    await world.store.take([{ ...spent, cost: 100 }], patience);
    const { send } = world.isolate();
    for (let i = 0; i < 200; i++) {
      void send();
      await world.pass(10);
    }
    await world.pass(2_000);
    expect(world.passed).toHaveLength(200);
    expect(world.calls.settles).toBeLessThanOrEqual(5);
  });
});
