import { describe, expect, it } from "vitest";
import type { Decision } from "../../src/limit/charge.ts";
import { CONCURRENCY } from "../../src/limit/quota.ts";
import type { Settlement } from "../../src/limit/settle.ts";
import { createBreaker } from "../../src/store/breaker.ts";
import { createDeadline, type Deadline } from "../../src/store/deadline.ts";
import { withKnownRefusals } from "../../src/store/edge-cache.ts";
import { withGuard } from "../../src/store/guard.ts";
import { createKnownRefusals } from "../../src/store/known-refusals.ts";
import { createLadder } from "../../src/store/ladder.ts";
import { createLocalStore } from "../../src/store/local.ts";
import type { Outcome, Store, StoreCharge, TakeAnswer } from "../../src/store/store.ts";
import { charge, describeStore, patience, plain, quota, START_MS } from "./contract.ts";
import { lockoutOf } from "./fixtures.ts";

type Take = Store["take"];
type Step = StoreCharge["onError"];

/** A guard in front of a store that can be made to fail, with all of its parts in the test's hand. */
function open(minParts = 1) {
  const clock = { nowMs: START_MS };
  const now = () => clock.nowMs;
  const reports: string[] = [];
  const local = createLocalStore(now);
  const known = createKnownRefusals(now);
  const parts = {
    local,
    known,
    breaker: createBreaker(now, minParts),
    ladder: createLadder(local, known),
    report: (reason: string) => reports.push(reason),
  };
  const shared = createLocalStore(now);
  const behaviour: { take?: Take; settle?: Store["settle"] } = {};
  const asked = { takes: 0, settles: 0 };
  const behind: Store = {
    take(...args) {
      asked.takes += 1;
      return (behaviour.take ?? shared.take)(...args);
    },
    settle(...args) {
      asked.settles += 1;
      return (behaviour.settle ?? shared.settle)(...args);
    },
  };
  const guard = withGuard(behind, "part", parts);
  return { guard, behind, shared, behaviour, asked, clock, now, parts, reports };
}

type Opened = ReturnType<typeof open>;

const rejecting =
  (error: unknown): Take =>
  () =>
    Promise.reject(error);
const hanging: Take = () => new Promise(() => {});
const overloaded = rejecting(Object.assign(new Error("too many requests queued"), { overloaded: true }));

/** Answers as the store would, but with something in it changed. */
const distorting =
  (distort: (answer: TakeAnswer) => unknown): Take =>
  async (charges) =>
    distort(await createLocalStore(() => START_MS).take(charges, patience)) as TakeAnswer;
const withDecision = (changes: object) =>
  distorting((answer) => ({
    ...answer,
    outcomes: answer.outcomes.map((outcome) => ({
      kind: "decided",
      decision: { ...(outcome as { decision: Decision }).decision, ...changes },
    })),
  }));

/** Every way in which a store fails. Each gives the deadline of the request that meets it. */
const FAILURES: Readonly<Record<string, (opened: Opened) => Promise<Deadline>>> = {
  rejects: failing(rejecting(new Error("down"))),
  "rejects with something that is no error": failing(rejecting(undefined)),
  throws: failing(() => {
    throw new Error("bug");
  }),
  hangs: failing(hanging),
  "answers nothing": failing(distorting(() => undefined)),
  "answers without outcomes": failing(distorting(() => ({ admitted: true, receipts: [], final: true }))),
  "answers for no charge": failing(distorting((answer) => ({ ...answer, outcomes: [] }))),
  "answers without receipts": failing(distorting((answer) => ({ ...answer, receipts: undefined }))),
  "answers without decisions": failing(
    distorting((answer) => ({ ...answer, outcomes: answer.outcomes.map(() => ({ kind: "decided" })) })),
  ),
  "answers not asked": failing(
    distorting((answer) => ({ ...answer, outcomes: answer.outcomes.map(() => ({ kind: "unasked" })) })),
  ),
  "answers in text": failing(withDecision({ remaining: "2" })),
  "answers with no number": failing(withDecision({ remaining: Number.NaN })),
  "answers below nothing": failing(withDecision({ retryAfterMs: -1 })),
  "admits what it has no room for": failing(withDecision({ allowed: false })),
  "refuses what it has room for": failing(distorting((answer) => ({ ...answer, admitted: false }))),
  "has been failing": async ({ parts }) => {
    for (let i = 0; i < 5; i++) parts.breaker.failed("part");
    return patience;
  },
  "has no time left": async () => {
    const deadline = createDeadline(1);
    await deadline.race(new Promise(() => {})).catch(() => {});
    return deadline;
  },
};

/** A store with this `take`, met by a request with little patience. */
function failing(take: Take): (opened: Opened) => Promise<Deadline> {
  return async ({ behaviour }) => {
    behaviour.take = take;
    return createDeadline(5);
  };
}

const twice = quota(2, 60_000);
const of = (onError: Step, changes: Partial<StoreCharge> = {}) =>
  charge({ quota: twice, onError, count: `for ${onError}`, ...changes });
const kinds = ({ outcomes }: TakeAnswer) => outcomes.map(({ kind }) => kind);
const localDecision = (outcome: Outcome | undefined) =>
  outcome?.kind === "local" ? outcome.decision : undefined;

describeStore("a store behind a guard", () => {
  const { guard, clock } = open();
  const setTime = (ms: number) => {
    clock.nowMs = ms;
  };
  return { store: plain(guard), setTime };
});

describe.each(Object.keys(FAILURES))("a store that %s", (name) => {
  const fail = FAILURES[name] as (opened: Opened) => Promise<Deadline>;

  it.each([
    ["local", ["local", "local", "local"], [true, true, false]],
    ["open", ["open", "open", "open"], [true, true, true]],
    ["closed", ["closed", "closed", "closed"], [false, false, false]],
  ] satisfies [Step, string[], boolean[]][])(
    "leads a charge to its step: %s",
    async (step, steps, admitted) => {
      const opened = open();
      const answers = [];
      for (let i = 0; i < 3; i++) answers.push(await opened.guard.take([of(step)], await fail(opened)));
      expect(answers.flatMap(kinds)).toEqual(steps);
      expect(answers.map((answer) => answer.admitted)).toEqual(admitted);
      expect(answers.map(({ receipts }) => receipts.length)).toEqual(
        step === "local" ? [1, 1, 0] : [0, 0, 0],
      );
    },
  );

  it("leads each charge of a request to its own", async () => {
    const opened = open();
    const charges = [of("open"), of("local"), of("closed")];
    const answer = await opened.guard.take(charges, await fail(opened));
    expect(kinds(answer)).toEqual(["open", "local", "closed"]);
    expect([answer.admitted, answer.receipts]).toEqual([false, []]);
  });

  it("never refuses for a shadow charge", async () => {
    const opened = open();
    const shadows = (["local", "open", "closed"] as const).map((step) => of(step, { shadow: true }));
    for (let i = 0; i < 4; i++) {
      const answer = await opened.guard.take([...shadows, of("open")], await fail(opened));
      expect(answer.admitted).toBe(true);
      expect(kinds(answer)).toEqual(["local", "open", "open", "open"]);
      expect(localDecision(answer.outcomes[0])?.allowed).toBe(i < 2);
    }
  });

  it("never makes a refusal final", async () => {
    const opened = open();
    for (let i = 0; i < 3; i++) {
      const answer = await opened.guard.take([of("local")], await fail(opened));
      expect(answer.final).toBe(false);
    }
    expect((await opened.guard.take([of("closed")], await fail(opened))).final).toBe(false);
  });
});

describe("a guard that times its calls", () => {
  /** How long each call took, by a clock that the store moves. */
  async function timesOf(take: Take, calls = 1): Promise<number[]> {
    const { behind, behaviour, clock, parts } = open();
    const times: number[] = [];
    const timeCall = () => {
      const beginMs = clock.nowMs;
      return () => times.push(clock.nowMs - beginMs);
    };
    const guard = withGuard(behind, "part", { ...parts, timeCall });
    behaviour.take = (...args) => {
      clock.nowMs += 7;
      return take(...args);
    };
    for (let i = 0; i < calls; i++) await guard.take([charge()], createDeadline(5));
    return times;
  }

  it("times one that succeeds, fails, or is no longer waited for", async () => {
    expect(await timesOf(createLocalStore(() => START_MS).take)).toEqual([7]);
    expect(await timesOf(rejecting(new Error("broken")))).toEqual([7]);
    expect(await timesOf(hanging)).toEqual([7]);
  });

  it("times none that the breaker prevents", async () => {
    expect(await timesOf(rejecting(new Error("broken")), 8)).toHaveLength(5);
  });
});

describe("the store's failures", () => {
  it.each([
    [rejecting(new Error("down")), "down"],
    [rejecting("no error at all"), "no error at all"],
    [hanging, "timeout"],
    [overloaded, "overloaded"],
    [withDecision({ remaining: -1 }), "the store's answer makes no sense"],
    [rejecting(new Error("long ".repeat(1_000))), "long ".repeat(40)],
  ])("are reported in a few words (%#)", async (take, reason) => {
    const opened = open();
    opened.behaviour.take = take;
    await opened.guard.take([of("open")], createDeadline(5));
    expect(opened.reports).toEqual([reason]);
  });

  it("are not looked for while it is left alone", async () => {
    const opened = open();
    opened.behaviour.take = hanging;
    for (let i = 0; i < 100; i++) await opened.guard.take([of("open")], createDeadline(2));
    expect(opened.asked.takes).toBe(5);
  });

  it("are never answered by a second attempt", async () => {
    const opened = open();
    opened.behaviour.take = rejecting(new Error("down"));
    await opened.guard.take([of("local")], patience);
    expect(opened.asked).toEqual({ takes: 1, settles: 0 });
  });

  it("are not counted for a request whose time others have used up", async () => {
    const opened = open();
    const noTime = await (FAILURES["has no time left"] as (opened: Opened) => Promise<Deadline>)(opened);
    for (let i = 0; i < 20; i++) await opened.guard.take([of("open")], noTime);
    expect([opened.asked.takes, opened.reports, opened.parts.breaker.allows()]).toEqual([0, [], true]);
  });
});

describe("lockouts while the store fails", () => {
  const one = of("local", { quota: quota(1, 1_000), lockout: lockoutOf(2) });
  const lockedOut = ({ outcomes: [outcome] }: TakeAnswer) => localDecision(outcome)?.lockedOut ?? false;

  it("are this isolate's own", async () => {
    const { guard, behaviour } = open();
    behaviour.take = rejecting(new Error("down"));
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push(await guard.take([one], patience));
    expect(answers.map(lockedOut)).toEqual([false, false, true, true]);
  });

  it("hold to their end when they are known from before", async () => {
    const { guard, parts, now, behaviour, clock } = open();
    const edge = withKnownRefusals(guard, parts.known, now);
    for (let i = 0; i < 3; i++) await edge.take([one], patience);
    behaviour.take = rejecting(new Error("down"));
    clock.nowMs += 59_999;
    expect(lockedOut(await edge.take([one], patience))).toBe(true);
    clock.nowMs += 1;
    expect((await edge.take([one], patience)).admitted).toBe(true);
  });
});

describe("a store that is back", () => {
  it("counts again within five seconds, after one request has tried it", async () => {
    const { guard, behaviour, asked, clock } = open();
    behaviour.take = rejecting(new Error("down"));
    for (let i = 0; i < 8; i++) await guard.take([of("local")], patience);
    expect(asked.takes).toBe(5);
    delete behaviour.take;
    clock.nowMs += 5_000;
    // Those at the same time as the try do not wait for it.
    const tried = await Promise.all(Array.from({ length: 3 }, () => guard.take([of("open")], patience)));
    expect(tried.flatMap(kinds)).toEqual(["decided", "open", "open"]);
    expect(kinds(await guard.take([of("local")], patience))).toEqual(["decided"]);
    expect(asked.takes).toBe(7);
  });

  it("has not lost its count, and nothing local was added to it", async () => {
    const { guard, behaviour } = open();
    await guard.take([of("local")], patience);
    behaviour.take = rejecting(new Error("down"));
    await guard.take([of("local")], patience);
    delete behaviour.take;
    const { decisions } = await plain(guard).take([of("local")]);
    expect(decisions[0]).toMatchObject({ allowed: true, remaining: 0 });
  });
});

describe("a store that is overloaded", () => {
  it("is limited locally even where the policy says open, and stays closed where it says closed", async () => {
    const opened = open();
    opened.behaviour.take = overloaded;
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await opened.guard.take([of("open")], patience));
    expect(answers.flatMap(kinds)).toEqual(["local", "local", "local"]);
    expect(answers.map(({ admitted }) => admitted)).toEqual([true, true, false]);
    expect(kinds(await opened.guard.take([of("local"), of("closed")], patience))).toEqual([
      "local",
      "closed",
    ]);
  });

  it("never opens the breaker", async () => {
    const opened = open();
    opened.behaviour.take = overloaded;
    for (let i = 0; i < 50; i++) await opened.guard.take([of("open")], patience);
    expect([opened.asked.takes, opened.parts.breaker.allows()]).toEqual([50, true]);
  });

  it("does not hide the failures of others", async () => {
    const opened = open();
    for (let i = 0; i < 5; i++) {
      opened.behaviour.take = overloaded;
      await opened.guard.take([of("open")], patience);
      opened.behaviour.take = rejecting(new Error("down"));
      await opened.guard.take([of("open")], patience);
    }
    expect(opened.parts.breaker.allows()).toBe(false);
  });

  it("is only what says so itself", async () => {
    for (const error of [{ overloaded: false }, { overloaded: "true" }, null, "overloaded"]) {
      const opened = open();
      opened.behaviour.take = rejecting(error);
      expect(kinds(await opened.guard.take([of("open")], patience))).toEqual(["open"]);
    }
  });
});

describe("the local step", () => {
  const down = rejecting(new Error("down"));

  it("keeps what the store refused last refused to its end, though that is more than ten seconds away", async () => {
    const { guard, behaviour, clock, parts, now } = open();
    const store = withKnownRefusals(guard, parts.known, now);
    for (let i = 0; i < 3; i++) await store.take([of("local")], patience);
    behaviour.take = down;
    clock.nowMs = START_MS + 59_999;
    const before = await store.take([of("local")], patience);
    expect(before.admitted).toBe(false);
    expect(localDecision(before.outcomes[0])).toMatchObject({ allowed: false, retryAfterMs: 1 });
    clock.nowMs = START_MS + 60_000;
    expect((await store.take([of("local")], patience)).admitted).toBe(true);
  });

  it.each([
    ["shadow charges", { cost: 2, shadow: true }],
    ["smaller costs", { cost: 1 }],
    ["other keys", { cost: 2, key: "bob" }],
  ])("does not keep %s refused", async (_, changes) => {
    const { guard, behaviour, parts, now } = open();
    const store = withKnownRefusals(guard, parts.known, now);
    for (let i = 0; i < 2; i++) await store.take([of("local", { cost: 2 })], patience);
    behaviour.take = down;
    expect((await guard.take([of("local", { cost: 2 })], patience)).admitted).toBe(false);
    const other = await guard.take([of("local", changes)], patience);
    expect(localDecision(other.outcomes[0])?.allowed).toBe(true);
  });

  it("is not remembered when it refuses, so that the store's own count decides once it is back", async () => {
    const { guard, behaviour, parts, now } = open();
    const store = withKnownRefusals(guard, parts.known, now);
    behaviour.take = down;
    for (let i = 0; i < 3; i++) await store.take([of("local")], patience);
    expect(parts.known.find(of("local"), Number.POSITIVE_INFINITY)).toBeUndefined();
    delete behaviour.take;
    const answer = await store.take([of("local")], patience);
    expect([answer.admitted, kinds(answer)]).toEqual([true, ["decided"]]);
  });

  it("charges no quota when one of them refuses", async () => {
    const { guard, behaviour, parts } = open();
    behaviour.take = down;
    const small = of("local", { quota: quota(1, 60_000), count: "small" });
    const large = of("local", { quota: quota(5, 60_000), count: "large" });
    await guard.take([small, large], patience);
    for (let i = 0; i < 3; i++) {
      const refused = await guard.take([small, large], patience);
      expect([refused.admitted, refused.receipts]).toEqual([false, []]);
      expect(localDecision(refused.outcomes[1])).toMatchObject({ allowed: true, remaining: 4 });
    }
    expect((await plain(parts.local).take([large])).decisions[0]?.remaining).toBe(3);
  });

  it("charges no quota when another one is known to refuse", async () => {
    const { guard, behaviour, parts, now } = open();
    const store = withKnownRefusals(guard, parts.known, now);
    const small = of("local", { quota: quota(1, 60_000), count: "small" });
    const large = of("local", { quota: quota(5, 60_000), count: "large" });
    for (let i = 0; i < 2; i++) await store.take([small], patience);
    behaviour.take = down;
    // Asked behind the known refusals, as after the ten seconds in which they answer by themselves.
    const refused = await guard.take([small, large], patience);
    expect([refused.admitted, kinds(refused), refused.receipts]).toEqual([false, ["local", "local"], []]);
    expect((await plain(parts.local).take([large])).decisions[0]?.remaining).toBe(4);
  });

  it("gives back what it charged when another charge is closed", async () => {
    const { guard, behaviour, parts } = open();
    behaviour.take = down;
    const local = of("local", { quota: quota(5, 60_000) });
    for (let i = 0; i < 10; i++) {
      expect((await guard.take([local, of("closed")], patience)).admitted).toBe(false);
    }
    expect((await plain(parts.local).take([local])).decisions[0]?.remaining).toBe(4);
  });

  it("does not count what is open", async () => {
    const { guard, behaviour, parts } = open();
    behaviour.take = down;
    for (let i = 0; i < 10; i++) await guard.take([of("open")], patience);
    expect((await plain(parts.local).take([of("open")])).decisions[0]?.remaining).toBe(1);
  });
});

describe("a settlement", () => {
  const down = rejecting(new Error("down"));

  it("goes to whoever admitted", async () => {
    const opened = open();
    const { guard, shared, parts, behaviour, asked } = opened;
    const byStore = await guard.take([of("local")], patience);
    behaviour.take = down;
    const byLocal = await guard.take([of("local")], patience);
    for (const { receipts } of [byStore, byLocal]) {
      const [standing] = await guard.settle(
        receipts.map((receipt) => ({ receipt, cost: 0 })),
        patience,
      );
      expect(standing).toMatchObject({ remaining: 2 });
    }
    expect(asked.settles).toBe(1);
    for (const store of [shared, parts.local])
      expect((await plain(store).take([of("local")])).decisions[0]?.remaining).toBe(1);
  });

  it("goes to whoever admitted also through another guard of the same parts", async () => {
    const opened = open();
    const { shared, behind, behaviour, parts, asked } = opened;
    await shared.take([of("local")], patience);
    behaviour.take = down;
    const { receipts } = await withGuard(behind, "part", parts).take([of("local")], patience);
    await withGuard(behind, "part", parts).settle(
      receipts.map((receipt) => ({ receipt, cost: 0 })),
      patience,
    );
    expect(asked.settles).toBe(0);
    expect((await plain(parts.local).take([of("local")])).decisions[0]?.remaining).toBe(1);
    expect((await plain(shared).take([of("local")])).decisions[0]?.remaining).toBe(0);
  });

  it.each([
    ["fails", () => Promise.reject(new Error("down")), "down"],
    ["hangs", () => new Promise<never>(() => {}), "timeout"],
    [
      "throws",
      () => {
        throw new Error("bug");
      },
      "bug",
    ],
  ])("never rejects when the store %s", async (_, settle, reason) => {
    const opened = open();
    const { receipts } = await opened.guard.take([of("local")], patience);
    opened.behaviour.settle = settle;
    const settlements = receipts.map((receipt) => ({ receipt, cost: 0 }));
    expect(await opened.guard.settle(settlements, createDeadline(5))).toEqual([undefined]);
    expect(opened.reports).toEqual([reason]);
  });

  it("of what was counted here and there: each answer stands with its settlement, also where the store fails", async () => {
    const opened = open();
    const stored = (await opened.guard.take([of("local")], patience)).receipts;
    opened.behaviour.take = down;
    const local = (await opened.guard.take([of("local")], patience)).receipts;
    const give = local.map((receipt) => ({ receipt, cost: 0 }));
    const add = stored.map((receipt) => ({ receipt, cost: 2 }));
    const settle = async (settlements: readonly Settlement[]) =>
      (await opened.guard.settle(settlements, createDeadline(5))).map((standing) => standing?.remaining);
    expect(await settle([...add, ...give])).toEqual([0, 2]);
    opened.behaviour.settle = () => Promise.reject(new Error("down"));
    expect(await settle([...add, ...give, ...add])).toEqual([undefined, 2, undefined]);
  });

  it("is tried though the time is up, without a wait", async () => {
    const opened = open();
    const { receipts } = await opened.guard.take([of("local")], patience);
    const noTime = await (FAILURES["has no time left"] as (opened: Opened) => Promise<Deadline>)(opened);
    opened.behaviour.settle = () => new Promise(() => {});
    await opened.guard.settle(
      receipts.map((receipt) => ({ receipt, cost: 0 })),
      noTime,
    );
    expect(opened.asked.settles).toBe(1);
  });
});

describe("an admission that comes too late", () => {
  const rate = charge({ quota: quota(5, 60_000), onError: "closed" });
  const slot = charge({
    quota: quota(5, 60_000, CONCURRENCY),
    count: "policy/concurrency",
    onError: "closed",
  });

  it("gives back its slots, of which nobody would know the end, and nothing else", async () => {
    const { behind, shared, behaviour, parts } = open();
    const work: Promise<unknown>[] = [];
    const guard = withGuard(behind, "part", { ...parts, waitUntil: (one) => work.push(one) });
    behaviour.take = async (...args) => {
      const answer = await shared.take(...args);
      await new Promise((late) => setTimeout(late, 20));
      return answer;
    };
    for (let i = 0; i < 3; i++)
      expect((await guard.take([rate, slot], createDeadline(5))).admitted).toBe(false);
    await Promise.all(work);
    const { outcomes } = await shared.take([rate, slot], patience);
    expect(outcomes.map((outcome) => outcome.kind === "decided" && outcome.decision.remaining)).toEqual([
      1, 4,
    ]);
  });

  it("that never comes leaves nothing waiting to be told", async () => {
    const { guard, behaviour, asked } = open();
    behaviour.take = hanging;
    await guard.take([slot], createDeadline(5));
    expect(asked.settles).toBe(0);
  });
});
