import { describe, expect, it } from "vitest";
import { type Deadline, TimeoutError } from "../../src/store/deadline.ts";
import { withLeases } from "../../src/store/leases.ts";
import { createLocalStore } from "../../src/store/local.ts";
import type { Store, StoreCharge, TakeAnswer } from "../../src/store/store.ts";
import { charge, describeStore, patience, plain, quota, START_MS } from "./contract.ts";

const MINUTE = 60_000;
const LIMIT = 100_000;
const many = charge({ quota: quota(LIMIT, MINUTE), lease: true });
const other = charge({ key: "bob", quota: quota(LIMIT, MINUTE) });

/** Without deadlines. */
const waits = { newDeadline: () => patience, newWait: () => patience, waitUntil: () => {} };

/** Leases in front of a local store that answers at once, all by one clock, and what it was asked. */
function open(random: () => number = () => 0) {
  const clock = { nowMs: START_MS };
  const now = () => clock.nowMs;
  const local = createLocalStore(now);
  const asked: (readonly StoreCharge[])[] = [];
  const behind: Store = {
    settle: local.settle,
    take(charges, deadline) {
      asked.push(charges);
      return local.take(charges, deadline);
    },
  };
  const own: boolean[] = [];
  const onOwn = (admitted: boolean) => own.push(admitted);
  const leased = withLeases(behind, { ...waits, now, random, onOwn });
  const setTime = (ms: number) => {
    clock.nowMs = ms;
  };
  const take = (...charges: StoreCharge[]) => leased.take(charges, patience);
  /** So many requests, so far apart. */
  async function send(requests: number, everyMs: number, ...charges: StoreCharge[]) {
    const answers: TakeAnswer[] = [];
    for (let i = 0; i < requests; i++) {
      clock.nowMs += everyMs;
      answers.push(await take(...charges));
    }
    return answers;
  }
  const remainingOf = async (one: StoreCharge) => {
    const [outcome] = (await local.take([{ ...one, cost: 1 }], patience)).outcomes;
    return outcome?.kind === "decided" ? outcome.decision.remaining : Number.NaN;
  };
  return { store: plain(leased), setTime, clock, asked, own, take, send, local, remainingOf };
}

const decisionIn = (answer: TakeAnswer | undefined, i = 0) => {
  const outcome = answer?.outcomes[i];
  return outcome?.kind === "decided" ? outcome.decision : undefined;
};
const kinds = ({ outcomes }: TakeAnswer) => outcomes.map(({ kind }) => kind);

describeStore("a store with leases in front", () => open(), { leases: true });

describe("a leased key", () => {
  it("that is busy is decided without a store call, in 98 of 100 requests", async () => {
    const { send, asked } = open();
    const answers = await send(5_000, 5, many);
    expect(answers.every(({ admitted }) => admitted)).toBe(true);
    expect(asked.length).toBeLessThan(100);
  });

  it("tells of each request that is decided without a call, and how", async () => {
    const { send, asked, own } = open();
    await send(500, 5, many);
    // Some calls are made in the background.
    expect(own.length).toBeGreaterThanOrEqual(500 - asked.length);
    expect(own.length).toBeLessThan(500);
    expect(own.every((admitted) => admitted)).toBe(true);
    own.length = 0;
    const answers = await send(5, 1, { ...many, count: "few", quota: quota(3, MINUTE) });
    expect(answers.map(({ admitted }) => admitted)).toEqual([true, true, true, false, false]);
    expect(own).toEqual([false]);
  });

  it("that is slow asks for each request, and takes nothing ahead", async () => {
    const { send, asked } = open();
    await send(20, 5_000, many);
    expect(asked).toHaveLength(20);
    expect(asked.flat().every(({ ahead }) => ahead === undefined)).toBe(true);
  });

  it("lets exactly the limit through when nothing else uses it", async () => {
    const { send } = open();
    const answers = await send(700, 20, charge({ quota: quota(600, MINUTE), lease: true }));
    expect(answers.findIndex(({ admitted }) => !admitted)).toBe(600);
    expect(answers.filter(({ admitted }) => admitted)).toHaveLength(600);
  });

  it.each([
    ["that is not leased", {}],
    ["with a window below four seconds", { lease: true, quota: quota(LIMIT, 3_999) }],
    ["of a token bucket", { lease: true, quota: quota(LIMIT, MINUTE, "token-bucket") }],
  ])("%s asks for every request", async (_, changes) => {
    const { send, asked } = open();
    await send(200, 5, { ...many, lease: false, ...changes });
    expect(asked).toHaveLength(200);
  });

  it("counts each cost, whatever it is", async () => {
    const { take, send, remainingOf, clock } = open();
    let used = 0;
    for (let i = 0; i < 400; i++) {
      const cost = (i % 7) + 1;
      clock.nowMs += 20;
      expect((await take({ ...many, cost })).admitted).toBe(true);
      used += cost;
    }
    // What is in hand is counted, too.
    const left = LIMIT - used - (await remainingOf(many)) - 1;
    expect(left).toBeGreaterThanOrEqual(0);
    expect(left).toBeLessThan(300);
    const [answer] = await send(1, 0, many);
    expect(decisionIn(answer)?.remaining).toBe(left - 1);
  });

  it("has its own permits for each limit that a table chooses", async () => {
    const { send, take, asked } = open();
    await send(200, 5, many);
    const before = asked.length;
    await take({ ...many, quota: quota(LIMIT / 2, MINUTE) });
    expect(asked).toHaveLength(before + 1);
  });
});

describe("a request that is paid for with what is in hand", () => {
  async function paid() {
    const opened = open();
    await opened.send(400, 5, many);
    const calls = opened.asked.length;
    const answer = await opened.take(many);
    expect(opened.asked).toHaveLength(calls);
    return { ...opened, answer };
  }

  it("is told what is left in hand, and the times of the store's last answer counted down", async () => {
    const { take, clock, answer } = await paid();
    const first = decisionIn(answer);
    expect(first).toMatchObject({ allowed: true, retryAfterMs: 0 });
    clock.nowMs += 30;
    const second = decisionIn(await take(many));
    expect(second).toEqual({
      allowed: true,
      retryAfterMs: 0,
      remaining: (first?.remaining ?? 0) - 1,
      moreRoomMs: (first?.moreRoomMs ?? 0) - 30,
      resetMs: (first?.resetMs ?? 0) - 30,
      nowMs: (first?.nowMs ?? 0) + 30,
    });
    // A second of permits, then the window.
    expect(second?.resetMs).toBeGreaterThan(MINUTE);
  });

  it("has no receipt: nothing is ever given back", async () => {
    const { answer } = await paid();
    expect(answer).toMatchObject({ admitted: true, receipts: [], final: false });
  });

  it("leaves receipts only of what was asked for, without what was taken ahead", async () => {
    const { send } = open();
    const plainOther = { ...other, count: "other" };
    for (const { receipts } of await send(300, 5, many, plainOther)) {
      const of = receipts.filter(({ charge: { count } }) => count === "other");
      expect(of).toHaveLength(1);
      expect(receipts.every(({ charge: { cost } }) => cost === 1)).toBe(true);
    }
  });

  it("finds nothing in the last tenth of a second, nor after the clock ran back", async () => {
    const { take, clock, asked } = await paid();
    const calls = asked.length;
    clock.nowMs += 1_000 - 100;
    await take(many);
    expect(asked).toHaveLength(calls + 1);
    await take(many);
    expect(asked).toHaveLength(calls + 1);
    clock.nowMs -= 10;
    await take(many);
    expect(asked).toHaveLength(calls + 2);
  });
});

describe("a request with several charges", () => {
  const second = { ...many, count: "second", quota: quota(LIMIT, 10 * MINUTE) };

  it("asks for what is not in hand, or not leased, in one call", async () => {
    const { send, take, asked } = open();
    await send(300, 5, many);
    asked.length = 0;
    const answer = await take(other, many, second);
    expect(asked.map((charges) => charges.map(({ count, key }) => `${key} ${count}`))).toEqual([
      [`bob ${other.count}`, "alice second"],
    ]);
    expect(answer.admitted).toBe(true);
    expect(decisionIn(answer, 0)?.remaining).toBe(LIMIT - 1);
    expect(decisionIn(answer, 1)?.remaining).toBeLessThan(500);
    expect(decisionIn(answer, 2)?.remaining).toBe(LIMIT - 1);
  });

  it("that are all leased asks as seldom as with one", async () => {
    const { send, asked } = open();
    await send(5_000, 5, many, second, { ...many, key: "carol" });
    expect(asked.length).toBeLessThan(100);
  });

  it("puts back what it paid when one of the others refuses", async () => {
    const { send, take } = open();
    await send(300, 5, many);
    const before = decisionIn(await take(many))?.remaining ?? 0;
    const none = { ...other, cost: LIMIT + 1 };
    for (let i = 0; i < 5; i++) {
      const refused = await take(many, none);
      expect(refused.admitted).toBe(false);
      expect(decisionIn(refused, 0)).toMatchObject({ allowed: true, remaining: before });
      expect(decisionIn(refused, 1)?.allowed).toBe(false);
    }
    expect(decisionIn(await take(many))?.remaining).toBe(before - 1);
  });

  it("puts nothing in hand when one of the others refuses", async () => {
    const { send, take, clock, asked } = open();
    await send(300, 5, many);
    clock.nowMs += 1_000;
    asked.length = 0;
    await take(many, { ...other, cost: LIMIT + 1 });
    expect(asked[0]?.[0]?.ahead?.units).toBeGreaterThan(10);
    await take(many);
    expect(asked).toHaveLength(2);
  });

  it("puts back what it paid when a refusal is known, and says nothing of the others", async () => {
    const { send, take, asked } = open();
    const few = { ...many, count: "few", quota: quota(3, MINUTE) };
    await send(300, 5, many);
    await send(4, 1, few);
    const before = decisionIn(await take(many))?.remaining ?? 0;
    const calls = asked.length;
    const refused = await take(many, few, other);
    expect([refused.admitted, kinds(refused)]).toEqual([false, ["unasked", "decided", "unasked"]]);
    expect(asked).toHaveLength(calls);
    expect(decisionIn(await take(many))?.remaining).toBe(before - 1);
  });

  it("does not let a shadow refuse, and does not ask for it again while it is known to have no room", async () => {
    const { send, asked } = open();
    const shadow = { ...many, count: "shadow", quota: quota(30, MINUTE), shadow: true };
    const answers = await send(2_000, 5, many, shadow);
    expect(answers.every(({ admitted }) => admitted)).toBe(true);
    const [first, last] = [answers[0], answers.at(-1)].map((answer) => decisionIn(answer, 1)?.allowed);
    expect([first, last]).toEqual([true, false]);
    expect(answers.filter((answer) => decisionIn(answer, 1)?.allowed)).toHaveLength(30);
    expect(asked.length).toBeLessThan(100);
  });
});

describe("a leased quota that refuses", () => {
  const few = charge({ quota: quota(100, MINUTE), lease: true });

  /** One of many holders: the others have used up the rest. */
  async function refused(random: number, used = 99) {
    const opened = open(() => random);
    await opened.take(few);
    await opened.local.take([{ ...few, cost: used }], patience);
    opened.clock.nowMs += 1_000;
    opened.asked.length = 0;
    return { ...opened, answer: await opened.take(few) };
  }

  it("is believed, and its wait counts down", async () => {
    const { answer, take, clock, asked } = await refused(0);
    const wait = decisionIn(answer)?.retryAfterMs ?? 0;
    // Of a hundred holders' turn, a third of a second, at least a half.
    expect(wait).toBeGreaterThan(59_000 + 160);
    expect(wait).toBeLessThan(59_000 + 170);
    clock.nowMs += 4_000;
    expect(decisionIn(await take(few))?.retryAfterMs).toBe(wait - 4_000);
    expect(asked).toHaveLength(1);
  });

  it("is believed longer by the whole turn of its holders at most", async () => {
    const { answer } = await refused(0.999_999);
    const wait = decisionIn(answer)?.retryAfterMs ?? 0;
    expect(wait).toBeGreaterThan(59_000 + 320);
    expect(wait).toBeLessThan(59_000 + 340);
  });

  it("is asked for again after ten seconds", async () => {
    const { take, clock, asked } = await refused(0);
    clock.nowMs += 9_999;
    await take(few);
    expect(asked).toHaveLength(1);
    clock.nowMs += 1;
    await take(few);
    expect(asked).toHaveLength(2);
  });

  it("says no earlier that there is more room than that it asks again", async () => {
    const { answer } = await refused(0.5);
    const { moreRoomMs, retryAfterMs } = decisionIn(answer) ?? {};
    expect(moreRoomMs).toBe(retryAfterMs);
  });

  it("still lets pass what costs less", async () => {
    const { take, asked } = await refused(0, 97);
    expect((await take({ ...few, cost: 9 })).admitted).toBe(false);
    expect((await take(few)).admitted).toBe(true);
    expect(asked.length).toBeGreaterThan(1);
  });

  it("leaves what is in hand to be used, when more was asked for in vain", async () => {
    const { send, local, clock, take, asked, remainingOf } = open();
    await send(300, 5, many);
    const left = decisionIn(await take(many))?.remaining ?? 0;
    await local.take([{ ...many, cost: await remainingOf(many) }], patience);
    const answers = await send(left, 1, many);
    expect(answers.every(({ admitted }) => admitted)).toBe(true);
    // That more was refused is known by now.
    clock.nowMs += 1;
    const calls = asked.length;
    expect((await take(many)).admitted).toBe(false);
    expect(asked).toHaveLength(calls);
  });
});

describe("a store that is slow, or does not answer", () => {
  /** What reached the store with time left to answer. */
  function behindOf(
    answerOf: (charges: readonly StoreCharge[], isUp: boolean) => Promise<TakeAnswer>,
    newWait = () => patience,
  ) {
    const clock = { nowMs: START_MS };
    const asked: (readonly StoreCharge[])[] = [];
    const behind: Store = {
      settle: async () => [],
      take(charges, deadline) {
        if (!deadline.isUp()) asked.push(charges);
        return answerOf(charges, deadline.isUp());
      },
    };
    return {
      clock,
      asked,
      leased: withLeases(behind, { ...waits, newWait, now: () => clock.nowMs, random: () => 1 }),
    };
  }

  /** The ladder's answer. */
  const unanswered = (charges: readonly StoreCharge[]): TakeAnswer => {
    const decision = {
      allowed: true,
      remaining: 1,
      retryAfterMs: 0,
      moreRoomMs: 0,
      resetMs: 0,
      nowMs: START_MS,
    };
    const outcomes = charges.map(() => ({ kind: "local", decision }) as const);
    return { admitted: true, receipts: [], final: false, outcomes };
  };
  const spent: Deadline = {
    ...patience,
    race: () => Promise.reject(new TimeoutError("no answer")),
    isUp: () => true,
  };

  /** One whose time is up as soon as something is waited for. */
  function hasty(): Deadline {
    let isUp = false;
    const race = () => {
      isUp = true;
      return Promise.reject(new TimeoutError("no answer"));
    };
    return { ...patience, race, isUp: () => isUp };
  }

  it("is asked once by all who come before it answers, though nobody knows yet how busy it will be", async () => {
    const local = createLocalStore(() => START_MS);
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const { asked, leased } = behindOf(async (charges) => {
      await answered;
      return local.take(charges, patience);
    });
    const together = Array.from({ length: 20 }, () => leased.take([many], patience));
    expect(asked).toHaveLength(1);
    answer();
    expect((await Promise.all(together)).every(({ admitted }) => admitted)).toBe(true);
    // The second brings what all the others need.
    expect(asked).toHaveLength(2);
  });

  it("is left alone after it did not answer twice in a row, for longer each time", async () => {
    const { clock, asked, leased } = behindOf(async (charges) => unanswered(charges));
    const times: number[] = [];
    for (let i = 0; i < 400; i++) {
      const before = asked.length;
      expect((await leased.take([many], patience)).admitted).toBe(true);
      if (asked.length > before) times.push(clock.nowMs - START_MS);
      clock.nowMs += 100;
    }
    expect(times).toEqual([0, 100, 1_100, 3_100, 7_100, 12_100, 17_100, 22_100, 27_100, 32_100, 37_100]);
  });

  it("does its work for those who come later, when a request could not wait for it", async () => {
    let late = Promise.resolve();
    const { clock, leased } = behindOf(async (charges, isUp) => {
      if (isUp) return unanswered(charges);
      await late;
      return local.take(charges, patience);
    });
    const local = createLocalStore(() => clock.nowMs);
    for (let i = 0; i < 200; i++) {
      clock.nowMs += 5;
      await leased.take([many], patience);
    }
    clock.nowMs += 10_000;
    const { promise, resolve } = Promise.withResolvers<void>();
    late = promise;
    expect(kinds(await leased.take([many], hasty()))).toEqual(["local"]);
    clock.nowMs += 500;
    resolve();
    await new Promise(setImmediate);
    late = new Promise(() => {});
    expect(kinds(await leased.take([many], patience))).toEqual(["decided"]);
  });

  it("is not asked a second time by those who wait, when it did not answer the call before either", async () => {
    let answer: Promise<void> = Promise.resolve();
    const { asked, leased } = behindOf(
      async (charges, isUp) => {
        if (!isUp) await answer;
        return unanswered(charges);
      },
      () => ({ ...spent, isUp: () => false }),
    );
    await leased.take([many], patience);
    const { promise, resolve } = Promise.withResolvers<void>();
    answer = promise;
    const pending = leased.take([many], patience);
    expect(kinds(await leased.take([many], patience))).toEqual(["local"]);
    expect(asked).toHaveLength(2);
    resolve();
    await pending;
  });

  it("is given no longer than the request waits, when something of it is not leased: that would count for nobody", async () => {
    const deadlines: Deadline[] = [];
    const local = createLocalStore(() => START_MS);
    const behind: Store = {
      settle: local.settle,
      take(charges, deadline) {
        deadlines.push(deadline);
        return local.take(charges, deadline);
      },
    };
    const longer = { ...patience };
    const leased = withLeases(behind, {
      ...waits,
      newDeadline: () => longer,
      now: () => START_MS,
      random: () => 0,
    });
    await leased.take([many], patience);
    await leased.take([many, other], patience);
    expect(deadlines.map((deadline) => deadline === longer)).toEqual([true, false]);
  });

  it("is not asked, nor blamed, for a request whose time is up already", async () => {
    const local = createLocalStore(() => START_MS);
    const { asked, leased } = behindOf(async (charges, isUp) =>
      isUp ? unanswered(charges) : local.take(charges, patience),
    );
    for (let i = 0; i < 3; i++) expect(kinds(await leased.take([many], spent))).toEqual(["local"]);
    expect(asked).toHaveLength(0);
    expect(kinds(await leased.take([many], patience))).toEqual(["decided"]);
  });

  it("is not in doubt for a call that was lost before another was answered", async () => {
    const local = createLocalStore(() => START_MS);
    let give = (_: TakeAnswer) => {};
    let lost: Promise<TakeAnswer> | undefined;
    const { clock, asked, leased } = behindOf(
      (charges, isUp) =>
        isUp ? Promise.resolve(unanswered(charges)) : (lost ?? local.take(charges, patience)),
      () => ({ ...spent, isUp: () => false }),
    );
    for (let i = 0; i < 2; i++) {
      lost = new Promise((resolve) => {
        give = resolve;
      });
      const first = leased.take([many], patience);
      lost = undefined;
      clock.nowMs += 100;
      expect(kinds(await leased.take([many], patience))).toEqual(["decided"]);
      clock.nowMs += 100;
      give(unanswered([many]));
      await first;
    }
    const calls = asked.length;
    clock.nowMs += 10_000;
    expect(kinds(await leased.take([many], patience))).toEqual(["decided"]);
    expect(asked.length).toBe(calls + 1);
  });
});
