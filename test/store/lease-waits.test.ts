import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createBreaker } from "../../src/store/breaker.ts";
import { createDeadline } from "../../src/store/deadline.ts";
import { withGuard } from "../../src/store/guard.ts";
import { createKnownRefusals } from "../../src/store/known-refusals.ts";
import { createLadder } from "../../src/store/ladder.ts";
import { leaseCallMs, withLeases } from "../../src/store/leases.ts";
import { createLocalStore } from "../../src/store/local.ts";
import type { Store, StoreCharge, TakeAnswer } from "../../src/store/store.ts";
import { charge, quota, START_MS } from "./fixtures.ts";

const MINUTE = 60_000;
const TIMEOUT_MS = 1_000;
const many = charge({ quota: quota(100_000, MINUTE), lease: true, onError: "local" });

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS });
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Leases in front of a guarded store that takes its time, and fails when the test says so. */
function open({ delayMs = 50 } = {}) {
  const store = createLocalStore(Date.now);
  const state = { delayMs, fault: "none" as "none" | "hang" | "throw" };
  const asked: (readonly StoreCharge[])[] = [];
  const far: Store = {
    settle: store.settle,
    async take(charges, deadline) {
      asked.push(charges);
      const { fault } = state;
      if (fault === "hang") return new Promise<never>(() => {});
      await sleep(state.delayMs);
      if (fault === "throw") throw new Error("the store is broken");
      return store.take(charges, deadline);
    },
  };
  const ladder = createLadder(createLocalStore(Date.now), createKnownRefusals(Date.now));
  // As with one object of many: alone it never opens the breaker.
  const guarded = withGuard(far, "part", { breaker: createBreaker(Date.now, 3), ladder, report: () => {} });
  const kept: Promise<unknown>[] = [];
  const leased = withLeases(guarded, {
    now: Date.now,
    newDeadline: () => createDeadline(leaseCallMs(TIMEOUT_MS)),
    newWait: () => createDeadline(TIMEOUT_MS / 2),
    waitUntil: (work) => kept.push(work),
    random: () => 0,
  });
  const answers: { readonly answer: TakeAnswer; readonly afterMs: number }[] = [];
  function send(one: StoreCharge = many): void {
    const askedMs = Date.now();
    const deadline = createDeadline(TIMEOUT_MS);
    void leased.take([one], deadline).then((answer) => {
      deadline.clear();
      answers.push({ answer, afterMs: Date.now() - askedMs });
    });
  }
  /** Lets a pace be known, and what was leased come to its end. */
  async function warm() {
    for (let i = 0; i < 200; i++) {
      send();
      await pass(10);
    }
    await pass(1_000);
    answers.length = 0;
    asked.length = 0;
  }
  return { state, asked, answers, send, warm, kept };
}

const kindsOf = ({ answers }: ReturnType<typeof open>) =>
  answers.map(({ answer }) => answer.outcomes[0]?.kind);

describe("requests of a leased key that come together", () => {
  it("wait for one call when the pace is known, and for one more with the rest", async () => {
    const { warm, send, asked, answers } = open();
    await warm();
    for (let i = 0; i < 50; i++) send();
    await pass(50);
    // The pace before the pause was for nearly as many.
    expect(answers.length).toBeGreaterThan(40);
    await pass(50);
    expect(answers.filter(({ answer }) => answer.admitted)).toHaveLength(50);
    expect(asked.length).toBeLessThanOrEqual(3);
  });

  it("make few calls also when they are the first", async () => {
    const { send, asked, answers } = open();
    for (let i = 0; i < 200; i++) send();
    await pass(200);
    expect(answers.filter(({ answer }) => answer.admitted)).toHaveLength(200);
    expect(asked.length).toBeLessThanOrEqual(10);
  });

  it("do not wait one behind the other where a call brings little", async () => {
    const { send, answers, asked } = open();
    const few = { ...many, quota: quota(30, MINUTE) };
    for (let i = 0; i < 60; i++) send(few);
    // Four calls of others, and one's own.
    await pass(5 * 50);
    expect(answers).toHaveLength(60);
    // The last may have been brought for later use when all were refused.
    expect(answers.filter(({ answer }) => answer.admitted).length).toBeGreaterThanOrEqual(29);
    expect(asked.length).toBeLessThan(60);
  });

  it("never wait when they come steadily", async () => {
    const { send, answers } = open({ delayMs: 100 });
    for (let i = 0; i < 1_000; i++) {
      send();
      await pass(10);
    }
    expect(answers.findLastIndex(({ afterMs }) => afterMs > 0)).toBeLessThan(100);
  });

  it("find nothing in hand in the last tenth of a second, counted from asking", async () => {
    const { warm, send, answers } = open({ delayMs: 250 });
    await warm();
    await pass(1_000);
    send();
    // Held for eight calls.
    await pass(8 * 250 - 101);
    send();
    await pass(1);
    send();
    await pass(250);
    expect(answers.map(({ afterMs }) => afterMs)).toEqual([250, 0, 250]);
  });

  it("keep the call alive that they wait for", async () => {
    const { warm, send, kept } = open();
    await warm();
    kept.length = 0;
    send();
    expect(kept).toHaveLength(1);
  });
});

describe("when the request dies that others wait for", () => {
  it("one of them repeats its call, once, in time for all", async () => {
    const { warm, send, state, asked, answers } = open();
    await warm();
    state.fault = "hang";
    send();
    state.fault = "none";
    for (let i = 0; i < 20; i++) send();
    await pass(TIMEOUT_MS / 2 + 50);
    expect(answers.filter(({ answer }) => answer.outcomes[0]?.kind === "decided")).toHaveLength(20);
    expect(asked).toHaveLength(2);
  });

  it("nobody waits for it again", async () => {
    const { warm, send, state, answers } = open();
    await warm();
    state.fault = "hang";
    send();
    state.fault = "none";
    send();
    await pass(TIMEOUT_MS);
    answers.length = 0;
    send();
    await pass(50);
    expect(answers.map(({ afterMs }) => afterMs)).toEqual([0]);
  });
});

describe("when the store fails while others wait for a call", () => {
  it("one of them repeats it, and then each takes its step", async () => {
    const opened = open();
    await opened.warm();
    opened.state.fault = "throw";
    for (let i = 0; i < 20; i++) opened.send();
    await pass(100);
    expect(kindsOf(opened)).toEqual(Array(20).fill("local"));
    expect(opened.asked).toHaveLength(2);
  });

  it("nobody waits longer than for the store itself", async () => {
    const opened = open();
    await opened.warm();
    opened.state.fault = "hang";
    for (let i = 0; i < 20; i++) opened.send();
    await pass(TIMEOUT_MS);
    expect(kindsOf(opened)).toEqual(Array(20).fill("local"));
  });

  it("what is in hand is used to its end, and the background asks once a second", async () => {
    const opened = open({ delayMs: 10 });
    for (let i = 0; i < 200; i++) {
      opened.send();
      await pass(10);
    }
    opened.state.fault = "throw";
    opened.answers.length = 0;
    opened.asked.length = 0;
    for (let i = 0; i < 10; i++) {
      opened.send();
      await pass(10);
    }
    expect(kindsOf(opened)).toEqual(Array(10).fill("decided"));
    expect(opened.asked.length).toBeLessThanOrEqual(1);
  });

  it("an isolate's own count lets through as many as the limit, and leases nothing", async () => {
    const opened = open({ delayMs: 1 });
    const few = { ...many, quota: quota(40, MINUTE) };
    opened.state.fault = "throw";
    for (let i = 0; i < 80; i++) {
      opened.send(few);
      await pass(10);
    }
    expect(new Set(kindsOf(opened))).toEqual(new Set(["local"]));
    expect(opened.answers.map(({ answer }) => answer.admitted)).toEqual([
      ...Array(40).fill(true),
      ...Array(40).fill(false),
    ]);
  });

  it("an isolate's own count has each request once, also when the call goes on after the request gave up", async () => {
    const opened = open();
    const few = { ...many, quota: quota(40, MINUTE) };
    opened.state.fault = "hang";
    opened.send(few);
    await pass(leaseCallMs(TIMEOUT_MS));
    opened.answers.length = 0;
    opened.state.fault = "throw";
    for (let i = 0; i < 80; i++) {
      opened.send(few);
      await pass(100);
    }
    expect(opened.answers.filter(({ answer }) => answer.admitted)).toHaveLength(39);
  });

  it("nothing is asked for a request that waited in vain until its time was up", async () => {
    const { send, asked, answers } = open({ delayMs: 300 });
    const few = { ...many, quota: quota(30, MINUTE) };
    for (let i = 0; i < 60; i++) send(few);
    await pass(TIMEOUT_MS);
    expect(answers).toHaveLength(60);
    expect(asked.length).toBeLessThanOrEqual(4);
  });

  it("an isolate's own count has nothing of what failed in the background", async () => {
    const opened = open({ delayMs: 10 });
    const some = { ...many, quota: quota(1_000, MINUTE) };
    for (let i = 0; i < 200; i++) {
      opened.send(some);
      await pass(10);
    }
    opened.state.fault = "throw";
    opened.asked.length = 0;
    while (opened.asked.length === 0) {
      opened.send(some);
      await pass(10);
    }
    expect(kindsOf(opened).at(-1)).toBe("decided");
    await pass(10_000);
    opened.answers.length = 0;
    for (let i = 0; i < 1_010; i++) {
      opened.send(some);
      await pass(10);
    }
    expect(opened.answers.filter(({ answer }) => answer.admitted)).toHaveLength(1_000);
  });
});
