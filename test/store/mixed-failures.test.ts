import { afterEach, describe, expect, it, vi } from "vitest";
import { createBreaker } from "../../src/store/breaker.ts";
import { createDeadline } from "../../src/store/deadline.ts";
import { withGuard } from "../../src/store/guard.ts";
import { createKeyedStores } from "../../src/store/keyed-stores.ts";
import { createKnownRefusals } from "../../src/store/known-refusals.ts";
import { createLadder } from "../../src/store/ladder.ts";
import { createLocalStore } from "../../src/store/local.ts";
import type { Store, StoreCharge, TakeAnswer } from "../../src/store/store.ts";
import { charge, describeStore, patience, plain, quota, START_MS } from "./contract.ts";

/** Undefined: it does not fail this time. */
type Failure = () => Promise<never> | undefined;

/** Key objects, each behind a guard of its own as in `compose.ts`, that fail by key. */
function open() {
  const clock = { nowMs: START_MS };
  const now = () => clock.nowMs;
  const objects = new Map<string, Store>();
  const failures = new Map<string, Failure>();
  const calls: string[] = [];
  const local = createLocalStore(now);
  const known = createKnownRefusals(now);
  const parts = {
    local,
    known,
    breaker: createBreaker(now, 3),
    ladder: createLadder(local, known),
    report: () => {},
  };
  const objectOf = (key: string): Store => {
    const object = objects.get(key) ?? createLocalStore(now);
    objects.set(key, object);
    return object;
  };
  const failingOf = (key: string): Store => ({
    async take(...args) {
      calls.push(`take ${key}`);
      return failures.get(key)?.() ?? objectOf(key).take(...args);
    },
    async settle(...args) {
      calls.push(`settle ${key}`);
      return failures.get(key)?.() ?? objectOf(key).settle(...args);
    },
  });
  const store = createKeyedStores((key) => withGuard(failingOf(key), key, parts), now);
  /** What a store has left of this charge, found out by taking one of it. */
  const left = async (from: Store, one: StoreCharge) => {
    const { decisions } = await plain(from).take([{ ...one, cost: 1 }]);
    return (decisions[0]?.remaining ?? 0) + (decisions[0]?.allowed ? 1 : 0);
  };
  return { store, objectOf, failures, calls, clock, parts, left };
}

const down: Failure = () => Promise.reject(new Error("down"));
const hanging: Failure = () => new Promise(() => {});
const overloaded: Failure = () => Promise.reject(Object.assign(new Error("busy"), { overloaded: true }));

const user = charge({ key: "user", quota: quota(1, 60_000) });
const address = charge({ key: "address", quota: quota(5, 60_000) });
const kinds = ({ outcomes }: TakeAnswer) => outcomes.map(({ kind }) => kind);

afterEach(() => {
  vi.useRealTimers();
});

describeStore("one guarded store for each key", () => {
  const { store, clock } = open();
  const setTime = (ms: number) => {
    clock.nowMs = ms;
  };
  return { store: plain(store), setTime };
});

describe("when one of two stores fails", () => {
  it.each([
    ["local", "local", true],
    ["open", "open", true],
    ["closed", "closed", false],
  ] as const)("a request is led by both: its own step is %s", async (onError, step, admitted) => {
    const { store, failures } = open();
    failures.set("address", down);
    const answer = await store.take([user, { ...address, onError }], patience);
    expect([kinds(answer), answer.admitted]).toEqual([["decided", step], admitted]);
  });

  it("its closed charge gives back what the other admitted, and says how that stands", async () => {
    const { store, failures, objectOf, left } = open();
    failures.set("user", down);
    for (let i = 0; i < 10; i++) {
      const refused = await store.take([address, { ...user, onError: "closed" }], patience);
      expect([refused.admitted, refused.receipts]).toEqual([false, []]);
    }
    expect(await left(objectOf("address"), address)).toBe(5);
  });

  it("the other's refusal gives back what it admitted locally, and changes nothing in the store that failed", async () => {
    const { store, failures, objectOf, left, parts, calls } = open();
    // The window of all five is that of the local admission: a wrong give-back would find one of them.
    const fixed = { ...address, onError: "local" as const, quota: quota(5, 60_000, "fixed-window") };
    for (let i = 0; i < 5; i++) await objectOf("address").take([fixed], patience);
    await objectOf("user").take([user], patience);
    failures.set("address", down);
    const refused = await store.take([user, fixed], patience);
    expect([refused.admitted, refused.receipts]).toEqual([false, []]);
    expect(calls).not.toContain("settle address");
    expect(await left(parts.local, fixed)).toBe(5);
    expect(await left(objectOf("address"), fixed)).toBe(0);
  });

  it("a settlement of both goes to the store and to the local count", async () => {
    const { store, failures, objectOf, left, parts } = open();
    failures.set("address", down);
    const { receipts } = await store.take([user, { ...address, onError: "local" }], patience);
    const standings = await store.settle(
      receipts.map((receipt) => ({ receipt, cost: 0 })),
      patience,
    );
    expect(standings.map((standing) => standing?.remaining)).toEqual([1, 5]);
    expect(await left(objectOf("user"), user)).toBe(1);
    expect(await left(parts.local, address)).toBe(5);
    expect(await left(objectOf("address"), address)).toBe(5);
  });

  it("it is asked first and alone after a refusal, so that nobody's charge hangs on it", async () => {
    const { store, failures, calls, objectOf, left } = open();
    failures.set("user", hanging);
    const charges = [address, { ...user, onError: "closed" as const }];
    await store.take(charges, createDeadline(2));
    calls.length = 0;
    const refused = await store.take(charges, createDeadline(2));
    expect([calls, kinds(refused)]).toEqual([["take user"], ["unasked", "closed"]]);
    expect(await left(objectOf("address"), address)).toBe(5);
  });

  it("a give-back that fails stands as a charge, and the refusal is sent all the same", async () => {
    const { store, failures, objectOf, left, calls } = open();
    await objectOf("user").take([user], patience);
    failures.set("address", () => (calls.includes("settle address") ? down() : undefined));
    const refused = await store.take([user, address], patience);
    expect([refused.admitted, refused.receipts]).toEqual([false, []]);
    expect(refused.outcomes[1]).toMatchObject({ decision: { allowed: true, remaining: 4 } });
    expect(await left(objectOf("address"), address)).toBe(4);
  });

  it("a refusal is final only when no failed store refused too", async () => {
    const { store, failures, objectOf } = open();
    await objectOf("user").take([user], patience);
    failures.set("address", down);
    expect((await store.take([user, { ...address, onError: "local" }], patience)).final).toBe(true);
    const both = open();
    await both.objectOf("user").take([user], patience);
    both.failures.set("address", down);
    expect((await both.store.take([user, { ...address, onError: "closed" }], patience)).final).toBe(false);
  });

  it("its overload belongs to its key: the policy is limited locally, and all others go on", async () => {
    const { store, failures, left, objectOf, parts } = open();
    failures.set("user", overloaded);
    const flood = [];
    for (let i = 0; i < 30; i++) flood.push(await store.take([{ ...user, onError: "open" }], patience));
    expect(flood.map(({ admitted }) => admitted)).toEqual([true, ...Array(29).fill(false)]);
    for (const key of ["bob", "carol"])
      expect(kinds(await store.take([{ ...user, key }], patience))).toEqual(["decided"]);
    expect(parts.breaker.allows()).toBe(true);
    expect(await left(objectOf("user"), user)).toBe(1);
  });

  it("any number of its failures leaves the others' stores asked", async () => {
    const { store, failures } = open();
    failures.set("user", down).set("address", down);
    for (let i = 0; i < 20; i++) await store.take([user, address], patience);
    expect(kinds(await store.take([charge({ key: "bob" })], patience))).toEqual(["decided"]);
  });
});

describe("when several stores fail", () => {
  it("those of three keys lead every key to the ladder, until one that is tried answers", async () => {
    const { store, failures, calls, clock } = open();
    const keys = ["a", "b", "c", "d", "e"];
    for (const key of keys) failures.set(key, down);
    for (const key of keys) await store.take([charge({ key })], patience);
    calls.length = 0;
    expect(kinds(await store.take([charge({ key: "healthy" })], patience))).toEqual(["open"]);
    expect(calls).toEqual([]);
    clock.nowMs += 5_000;
    expect(kinds(await store.take([charge({ key: "healthy" })], patience))).toEqual(["decided"]);
    expect(kinds(await store.take([charge({ key: "other" })], patience))).toEqual(["decided"]);
  });

  it("two that refused lately and hang one after another cost one timeout together", async () => {
    vi.useFakeTimers();
    const { store, failures, calls, objectOf } = open();
    const one = quota(1, 60_000);
    const charges = ["a", "b", "c"].map((key) => charge({ key, quota: one, onError: "local" }));
    const suspects = charges.slice(0, 2);
    for (const { key } of suspects) {
      await objectOf(key).take([charge({ key, quota: one })], patience);
      await store.take([charge({ key, quota: one })], patience);
      failures.set(key, hanging);
    }
    failures.set("c", hanging);
    calls.length = 0;
    let answer: TakeAnswer | undefined;
    const taking = store.take(charges, createDeadline(300)).then((taken) => {
      answer = taken;
    });
    await vi.advanceTimersByTimeAsync(299);
    expect(answer).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    await taking;
    // No time was left to ask the second and the third.
    expect(calls).toEqual(["take a"]);
    expect(answer).toMatchObject({ admitted: true });
    expect(answer && kinds(answer)).toEqual(["local", "local", "local"]);
  });

  it("many that hang at the same time cost one timeout together, also when charges are given back", async () => {
    vi.useFakeTimers();
    const { store, failures } = open();
    const keys = ["a", "b", "c", "d"];
    for (const key of keys) failures.set(key, hanging);
    const charges = keys.map((key, i) => charge({ key, onError: i === 0 ? "closed" : "local" }));
    let answer: TakeAnswer | undefined;
    const taking = store.take(charges, createDeadline(300)).then((taken) => {
      answer = taken;
    });
    await vi.advanceTimersByTimeAsync(300);
    await taking;
    expect(answer && kinds(answer)).toEqual(["closed", "local", "local", "local"]);
  });
});
