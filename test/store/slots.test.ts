import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CONCURRENCY } from "../../src/limit/quota.ts";
import type { Settlement } from "../../src/limit/settle.ts";
import { createDeadline } from "../../src/store/deadline.ts";
import { createLocalStore } from "../../src/store/local.ts";
import { createSlots, type Hold } from "../../src/store/slots.ts";
import type { Store } from "../../src/store/store.ts";
import { charge, patience, quota, START_MS } from "./fixtures.ts";

const RENEW_MS = 60_000;
const EXPIRY_MS = 180_000;
const slotOf = (limit: number, key = "alice") =>
  charge({ quota: quota(limit, EXPIRY_MS, CONCURRENCY), count: "policy/concurrency", key });

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Slots of an isolate on a store whose settlements can be watched, held up, lost and answered without. */
function opened(limit = 10) {
  const one = slotOf(limit);
  const store = createLocalStore(Date.now);
  const settled: (readonly Settlement[])[] = [];
  const way = { thereMs: 0, backMs: 0, isAnswerLost: false, isLost: false };
  const sleep = (ms: number) => (ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined);
  const settle: Store["settle"] = async (settlements, deadline) => {
    settled.push(settlements);
    const { thereMs, backMs, isAnswerLost, isLost } = way;
    await sleep(thereMs);
    if (isLost) return [];
    const standings = await store.settle(settlements, deadline);
    await sleep(backMs);
    return isAnswerLost ? [] : standings;
  };
  const slots = createSlots({
    store: { settle },
    now: Date.now,
    renewMs: RENEW_MS,
    newDeadline: () => createDeadline(1_000),
    waitUntil: () => {},
  });
  async function hold(own = one): Promise<Hold> {
    const { receipts } = await store.take([own], patience);
    return slots.hold(receipts);
  }
  /** How many more there is room for. */
  async function room(own = one): Promise<number> {
    const { receipts } = await store.take([own], patience);
    if (receipts.length === 0) return 0;
    const [standing] = await store.settle(
      receipts.map((receipt) => ({ receipt, cost: 0 })),
      patience,
    );
    return standing?.remaining ?? Number.NaN;
  }
  return { one, slots, settled, way, hold, room };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe("a slot", () => {
  it("is given back once, however often it is released", async () => {
    const { hold, room, settled } = opened();
    const [first] = [await hold(), await hold()];
    for (let i = 0; i < 3; i++) first?.release();
    await pass(0);
    expect(await room()).toBe(9);
    expect(settled).toHaveLength(1);
  });

  it("is kept for as long as it is held, and not any longer", async () => {
    const { hold, room, settled } = opened();
    const held = await hold();
    await pass(10 * EXPIRY_MS);
    expect(await room()).toBe(9);
    held.release();
    await pass(0);
    expect(await room()).toBe(10);
    const calls = settled.length;
    await pass(10 * EXPIRY_MS);
    expect(settled).toHaveLength(calls);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("expires by itself when its isolate dies", async () => {
    const { hold, room } = opened();
    await hold();
    vi.clearAllTimers();
    await pass(EXPIRY_MS - 1);
    expect(await room()).toBe(9);
    await pass(1);
    expect(await room()).toBe(10);
  });

  it("of a request without concurrency quotas is none: nothing is timed or settled", async () => {
    const { slots, settled } = opened();
    const held = slots.hold([]);
    expect(vi.getTimerCount()).toBe(0);
    held.release();
    await pass(RENEW_MS);
    expect(settled).toEqual([]);
  });

  it("that is released while its renewal is under way leaves nothing behind", async () => {
    const { hold, room, way } = opened();
    const held = await hold();
    Object.assign(way, { thereMs: 200, backMs: 200 });
    await pass(RENEW_MS + 100);
    held.release();
    await pass(2_000);
    expect(await room()).toBe(10);
  });

  it("is released also when its renewal never ends", async () => {
    const { hold, room, way } = opened();
    const held = await hold();
    way.backMs = Number.MAX_SAFE_INTEGER;
    vi.spyOn(globalThis, "setTimeout").mockImplementationOnce(() => 0 as never);
    await pass(RENEW_MS);
    way.backMs = 0;
    held.release();
    await pass(999);
    expect(await room()).toBe(9);
    await pass(1);
    expect(await room()).toBe(10);
  });

  it("whose renewals' answers are lost leaves nothing behind longer than its expiry", async () => {
    for (const minutes of [1, 2, 3, 4, 10]) {
      const { hold, room, way } = opened();
      const held = await hold();
      way.isAnswerLost = true;
      await pass(minutes * RENEW_MS);
      expect(await room()).toBeLessThanOrEqual(9);
      held.release();
      await pass(EXPIRY_MS);
      expect(await room()).toBe(10);
    }
  });

  it("survives two renewals in a row that were lost", async () => {
    const { hold, room, way } = opened();
    await hold();
    way.isLost = true;
    await pass(RENEW_MS);
    way.isLost = false;
    await pass(RENEW_MS + EXPIRY_MS - 1);
    expect(await room()).toBe(9);
  });

  it("that expired comes back by its renewal, above the limit if it must", async () => {
    const { hold, room, way } = opened(1);
    const late = await hold();
    way.isLost = true;
    await pass(EXPIRY_MS);
    way.isLost = false;
    const other = await hold();
    await pass(RENEW_MS);
    other.release();
    await pass(0);
    expect(await room()).toBe(0);
    late.release();
    await pass(0);
    expect(await room()).toBe(1);
  });
});

describe("slots of one isolate", () => {
  it("that are due are renewed by whichever timer fires first, in one call", async () => {
    const { hold, settled, one, room } = opened(100);
    for (let i = 0; i < 50; i++) {
      await hold(i % 2 === 0 ? one : slotOf(100, "bob"));
      await pass(100);
    }
    await pass(RENEW_MS - 50 * 100);
    expect(settled.map(({ length }) => length)).toEqual([2 * 50]);
    // The other timers find nothing to do.
    await pass(RENEW_MS - 1);
    expect(settled).toHaveLength(1);
    expect(await room()).toBe(75);
  });

  it("that are not due yet wait for a timer of their own or a later one", async () => {
    const { hold, settled } = opened();
    await hold();
    await pass(RENEW_MS * 0.6);
    await hold();
    await pass(RENEW_MS * 0.4);
    expect(settled.map(({ length }) => length)).toEqual([2]);
    await pass(RENEW_MS * 0.6);
    expect(settled.map(({ length }) => length)).toEqual([2, 4]);
  });

  it("are renewed a hundred at a time, all before they expire", async () => {
    const { hold, settled, room } = opened(1_000);
    for (let i = 0; i < 450; i++) await hold();
    await pass(RENEW_MS);
    expect(settled.map(({ length }) => length / 2)).toEqual([100, 100, 100, 100, 50]);
    await pass(3 * EXPIRY_MS);
    expect(await room()).toBe(550);
  });

  it("held and released 10,000 times in random order leave nothing behind", async () => {
    const { slots, hold, room, way } = opened(500);
    Object.assign(way, { thereMs: 20, backMs: 20 });
    const held: Hold[] = [];
    let state = 1;
    const roll = (bound: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * bound);
    };
    for (let i = 0; i < 10_000; i++) {
      if (held.length < 400) held.push(await hold());
      if (held.length > 300) held.splice(roll(held.length), 1)[0]?.release();
      await pass(roll(300));
    }
    expect(await room()).toBe(500 - held.length);
    for (const one of held) one.release();
    await pass(2_000);
    expect(await room()).toBe(500);
    expect(slots.expectedWaitMs("policy/concurrency", 500)).toBe(1_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("never count fewer than are held, and no more once all is at rest, whatever of renewals is lost", async () => {
    type Event = { kind: "hold" | "release" | "well" | "ill"; waitMs: number; which: number };
    const events: fc.Arbitrary<Event[]> = fc.array(
      fc.record({
        kind: fc.constantFrom("hold", "hold", "release", "well", "ill"),
        waitMs: fc.oneof(fc.nat(1_000), fc.nat(RENEW_MS)),
        which: fc.nat(100),
      }),
      { minLength: 10, maxLength: 60, size: "max" },
    );
    await fc.assert(
      fc.asyncProperty(events, async (history) => {
        vi.clearAllTimers();
        vi.setSystemTime(START_MS);
        const { hold, room, way } = opened(100);
        const held: Hold[] = [];
        for (const { kind, waitMs, which } of history) {
          await pass(waitMs);
          if (kind === "hold") held.push(await hold());
          else if (kind === "release") held.splice(which % (held.length || 1), 1)[0]?.release();
          else way.isAnswerLost = kind === "ill";
          await pass(0);
          expect(100 - (await room())).toBeGreaterThanOrEqual(held.length);
        }
        way.isAnswerLost = false;
        for (const one of held) one.release();
        await pass(EXPIRY_MS);
        expect(await room()).toBe(100);
      }),
      { numRuns: 50 },
    );
  });
});

describe("the expected wait", () => {
  it("is a second while nothing is known", () => {
    expect(opened().slots.expectedWaitMs("policy/concurrency", 3)).toBe(1_000);
  });

  it("is how long slots were held lately, divided among them", async () => {
    const { slots, hold } = opened();
    const held = [await hold(), await hold()];
    await pass(30_000);
    for (const one of held) one.release();
    expect(slots.expectedWaitMs("policy/concurrency", 3)).toBe(10_000);
    expect(slots.expectedWaitMs("other", 3)).toBe(1_000);
  });

  it("follows what changes, by a fifth each time", async () => {
    const { slots, hold } = opened();
    const long = await hold();
    await pass(30_000);
    long.release();
    const short = await hold();
    await pass(10_000);
    short.release();
    expect(slots.expectedWaitMs("policy/concurrency", 1)).toBe(26_000);
  });
});

describe("a slot whose request the runtime has ended without a word", () => {
  it("expires, although others of the isolate are renewed", async () => {
    const { hold, room } = opened();
    const timers = vi.spyOn(globalThis, "setInterval");
    await hold();
    // Its timer ends with it, and nothing of it runs any more.
    clearInterval(timers.mock.results[0]?.value);
    await hold();
    expect(await room()).toBe(8);
    await pass(2 * RENEW_MS + EXPIRY_MS + RENEW_MS);
    expect(await room()).toBe(9);
  });
});

describe("slots of an isolate that stood still", () => {
  it("are all renewed when it goes on, whoever's timer is first", async () => {
    const { hold, room } = opened();
    for (let i = 0; i < 5; i++) await hold();
    // Nothing fires, as on a machine that sleeps.
    vi.setSystemTime(Date.now() + 3 * RENEW_MS);
    await pass(2 * RENEW_MS);
    expect(await room()).toBe(5);
    await pass(EXPIRY_MS);
    expect(await room()).toBe(5);
  });
});
