import { describe, expect, it } from "vitest";
import { type KeyRecord, readRecord } from "../../src/limit/key-record.ts";
import { standingOf, takeAll } from "../../src/limit/take.ts";
import {
  chargeOf,
  createShelf,
  fixed,
  HOUR,
  instants,
  lockoutOf,
  MINUTE,
  SECOND,
  START,
  sliding,
} from "./fixtures.ts";

const FIFTEEN = 15 * MINUTE;
const lockout = lockoutOf(5, MINUTE, FIFTEEN);
/** Has room again after ten seconds, so that a lockout outlasts it. */
const one = chargeOf(sliding(1, 10 * SECOND), { lockout });

/** A shelf on which `charge` was admitted once and then refused as often as wanted, all at `START`. */
function refused(times: number, charge = one) {
  const shelf = createShelf();
  shelf.takeOne(charge, START);
  const decisions = instants(times, START, 0).map((at) => shelf.takeOne(charge, at));
  return { shelf, decisions };
}

describe("a lockout of 15 minutes after 5 in 1 minute", () => {
  it("does not touch a key that was refused four times", () => {
    const { shelf, decisions } = refused(4);
    expect(decisions.some((decision) => "lockedOut" in decision)).toBe(false);
    expect(decisions[3]?.retryAfterMs).toBe(10 * SECOND);
    expect(shelf.takeOne(one, START + 10 * SECOND).allowed).toBe(true);
  });

  it("begins with the fifth refusal, which says so already", () => {
    expect(refused(5).decisions[4]).toEqual({
      allowed: false,
      lockedOut: true,
      remaining: 0,
      retryAfterMs: FIFTEEN,
      moreRoomMs: FIFTEEN,
      resetMs: FIFTEEN,
      nowMs: START,
    });
  });

  it("refuses the key although its quota has room, until the end and not a millisecond longer", () => {
    const { shelf } = refused(5);
    expect(shelf.takeOne(one, START + MINUTE)).toMatchObject({
      allowed: false,
      lockedOut: true,
      remaining: 0,
      retryAfterMs: FIFTEEN - MINUTE,
      moreRoomMs: FIFTEEN - MINUTE,
      resetMs: FIFTEEN - MINUTE,
    });
    expect(shelf.takeOne(one, START + FIFTEEN - 1)).toMatchObject({ allowed: false, retryAfterMs: 1 });
    const after = shelf.takeOne(one, START + FIFTEEN);
    expect([after.allowed, "lockedOut" in after]).toEqual([true, false]);
  });

  it("is not prolonged by refusals during it, which write nothing", () => {
    const { shelf } = refused(5);
    for (const at of instants(100, START, SECOND)) expect(shelf.take([one], at).changed.size).toBe(0);
    expect(shelf.takeOne(one, START + FIFTEEN).allowed).toBe(true);
  });

  it("counts afresh after its end", () => {
    const { shelf } = refused(5);
    shelf.takeOne(one, START + FIFTEEN);
    const again = instants(5, START + FIFTEEN, 0).map((at) => shelf.takeOne(one, at).lockedOut ?? false);
    expect(again).toEqual([false, false, false, false, true]);
  });

  it("counts afresh after its end, even while the window still goes back to before it", () => {
    const short = { ...one, lockout: lockoutOf(5, MINUTE, 2 * SECOND) };
    const { shelf } = refused(5, short);
    const again = instants(5, START + 2 * SECOND, 0).map((at) => shelf.takeOne(short, at).lockedOut ?? false);
    expect(again).toEqual([false, false, false, false, true]);
  });

  it("forgets a refusal exactly one window later", () => {
    const hour = { ...one, quota: sliding(1, HOUR) };
    const [inTime, late] = [MINUTE - 1, MINUTE].map((fifthMs) => {
      const { shelf } = refused(4, hour);
      return shelf.takeOne(hour, START + fifthMs).lockedOut;
    });
    expect([inTime, late]).toEqual([true, undefined]);
  });

  it("keeps keys apart", () => {
    const { shelf } = refused(5);
    expect(shelf.takeOne({ ...one, key: "another" }, START).allowed).toBe(true);
  });

  it("counts for each key, where one take has two of them", () => {
    const shelf = createShelf();
    const two = [one, { ...one, key: "another" }];
    const taken = instants(6, START, 0).map((at) => shelf.take(two, at).decisions);
    expect(taken[4]?.map(({ lockedOut }) => lockedOut)).toEqual([undefined, undefined]);
    expect(taken[5]?.map(({ lockedOut }) => lockedOut)).toEqual([true, true]);
  });

  it("counts a refusal of a take that charges one quota twice", () => {
    const shelf = createShelf();
    const taken = instants(5, START, 0).map((at) => shelf.take([one, one], at).decisions);
    expect(taken[0]?.map(({ allowed }) => allowed)).toEqual([true, false]);
    expect(taken[4]?.map(({ lockedOut }) => lockedOut)).toEqual([undefined, true]);
  });

  it("stands next to the counts of its key, and drops its refusals when it begins", () => {
    const kept = (times: number) => refused(times).shelf.records.get("caller")?.counts["policy/lockout"];
    expect(kept(2)).toEqual({ untilMs: START + MINUTE, state: [0, START, 2] });
    expect(kept(5)).toEqual({ untilMs: START + FIFTEEN, state: [START + FIFTEEN] });
  });

  it("may begin with the first refusal", () => {
    const strict = { ...one, lockout: lockoutOf(1, MINUTE, FIFTEEN) };
    expect(refused(1, strict).decisions[0]).toMatchObject({ lockedOut: true, retryAfterMs: FIFTEEN });
  });
});

describe("the numbers of a key that is locked out", () => {
  it("are the quota's own where it has room later than the lockout ends", () => {
    const hour = { ...one, quota: sliding(2, HOUR), cost: 2 };
    const { shelf, decisions } = refused(5, hour);
    expect(decisions[4]).toMatchObject({
      lockedOut: true,
      retryAfterMs: HOUR,
      moreRoomMs: HOUR,
      resetMs: HOUR,
    });
    expect(shelf.takeOne(hour, START + FIFTEEN)).toMatchObject({
      allowed: false,
      retryAfterMs: HOUR - FIFTEEN,
    });
    expect(shelf.takeOne(hour, START + HOUR).allowed).toBe(true);
  });

  it("say when there is room again, even if only for less than was asked", () => {
    const shelf = createShelf();
    const two = { ...one, quota: sliding(2, HOUR), lockout: lockoutOf(1, MINUTE, FIFTEEN) };
    shelf.takeOne(two, START);
    expect(shelf.takeOne({ ...two, cost: 2 }, START)).toMatchObject({
      remaining: 0,
      moreRoomMs: FIFTEEN,
      retryAfterMs: HOUR,
    });
  });

  it("still say that a cost never fits, which counts as a refusal", () => {
    const { decisions } = refused(5, { ...one, cost: 2 });
    expect(decisions.map(({ retryAfterMs }) => retryAfterMs)).toEqual(
      Array(5).fill(Number.POSITIVE_INFINITY),
    );
    expect(decisions.map(({ lockedOut }) => lockedOut ?? false)).toEqual([false, false, false, true, true]);
    expect(decisions[4]?.moreRoomMs).toBe(FIFTEEN);
  });

  it("wait for a clock that ran back", () => {
    const { shelf } = refused(5);
    expect(shelf.takeOne(one, START - HOUR)).toMatchObject({
      nowMs: START,
      retryAfterMs: HOUR + FIFTEEN,
      moreRoomMs: HOUR + FIFTEEN,
      resetMs: FIFTEEN,
    });
  });

  it("are shown to whoever only looks", () => {
    const { shelf } = refused(5);
    const standing = { remaining: 0, moreRoomMs: FIFTEEN, resetMs: FIFTEEN, nowMs: START };
    expect(standingOf(shelf.records, one, START)).toEqual(standing);
    expect(standingOf(shelf.records, { ...one, lockout: undefined }, START + MINUTE).remaining).toBe(1);
  });
});

describe("a policy of several quotas", () => {
  const minute = { ...one, quota: sliding(1, MINUTE), count: "minute" };
  const second = { ...one, quota: fixed(1, SECOND), count: "second" };
  const hour = { ...one, quota: sliding(60, HOUR), count: "hour" };

  it("counts one refusal, however many of its quotas refuse", () => {
    const shelf = createShelf();
    shelf.take([minute, second], START);
    const taken = instants(5, START, 0).map((at) => shelf.take([minute, second], at).decisions);
    expect(taken.map((decisions) => decisions.map(({ lockedOut }) => lockedOut ?? false))).toEqual([
      ...Array(4).fill([false, false]),
      [true, true],
    ]);
  });

  it("counts refusals of one quota and of another together", () => {
    const shelf = createShelf();
    shelf.take([minute, hour], START);
    for (const at of instants(4, START, 0)) shelf.take([minute], at);
    expect(shelf.takeOne({ ...hour, cost: 60 }, START).lockedOut).toBe(true);
  });

  it("shows the lockout in the quota that had room, too, which refuses from the next take on", () => {
    const shelf = createShelf();
    const taken = instants(7, START, 0).map((at) => shelf.take([minute, hour], at).decisions[1]);
    expect(taken[4]).toMatchObject({ allowed: true, remaining: 59 });
    expect(taken[5]).toEqual({
      allowed: true,
      retryAfterMs: 0,
      remaining: 0,
      moreRoomMs: FIFTEEN,
      resetMs: HOUR,
      nowMs: START,
    });
    expect(taken[6]).toMatchObject({ allowed: false, lockedOut: true, retryAfterMs: FIFTEEN });
  });

  it("charges none of them for what led to the lockout", () => {
    const shelf = createShelf();
    for (const at of instants(20, START, 0)) shelf.take([minute, hour], at);
    expect(standingOf(shelf.records, hour, START + FIFTEEN).remaining).toBe(59);
  });
});

describe("several policies of one key", () => {
  const other = {
    ...one,
    quota: sliding(3, HOUR),
    count: "other",
    lockout: { ...lockout, id: "other/lockout" },
  };

  it("are locked out apart", () => {
    const { shelf } = refused(5);
    expect(shelf.take([other], START + MINUTE).admitted).toBe(true);
    const both = shelf.take([one, other], START + MINUTE);
    expect(both.decisions.map(({ allowed, lockedOut }) => [allowed, lockedOut])).toEqual([
      [false, true],
      [true, undefined],
    ]);
  });

  it("count only the refusals of their own quotas", () => {
    const shelf = createShelf();
    for (const at of instants(4, START, 0)) shelf.take([one, other], at);
    expect(Object.keys(shelf.records.get("caller")?.counts ?? {})).not.toContain("other/lockout");
  });

  it("count together in one take, each its own refusal", () => {
    const shelf = createShelf();
    const full = [one, { ...other, quota: sliding(1, HOUR) }];
    const taken = instants(6, START, 0).map((at) => shelf.take(full, at).decisions);
    expect(taken[4]?.map(({ lockedOut }) => lockedOut)).toEqual([undefined, undefined]);
    expect(taken[5]?.map(({ lockedOut }) => lockedOut)).toEqual([true, true]);
  });
});

describe("a shadow's lockout", () => {
  const shadow = { ...one, shadow: true };
  const real = chargeOf(sliding(100, MINUTE), { count: "real" });
  const roomy = { ...shadow, quota: sliding(60, HOUR), count: "roomy" };

  it("is counted and said, and refuses nothing", () => {
    const shelf = createShelf();
    const taken = instants(7, START, 0).map((at) => shelf.take([shadow, real], at));
    expect(taken.map(({ admitted }) => admitted)).toEqual(Array(7).fill(true));
    expect(taken.map(({ decisions }) => decisions[0]?.lockedOut ?? false)).toEqual([
      ...Array(5).fill(false),
      true,
      true,
    ]);
    expect(taken[6]?.receipts.map(({ charge }) => charge.count)).toEqual(["real"]);
  });

  it("shows in its quota that was charged by the same take", () => {
    const shelf = createShelf();
    const taken = instants(6, START, 0).map((at) => shelf.take([shadow, roomy], at));
    expect(taken[5]?.receipts).toHaveLength(1);
    expect(taken[5]?.decisions[1]).toMatchObject({ allowed: true, remaining: 0, moreRoomMs: FIFTEEN });
    expect(standingOf(shelf.records, roomy, START + FIFTEEN).remaining).toBe(54);
  });

  it("counts a refusal also in a take that another charge refuses", () => {
    const shelf = createShelf();
    shelf.takeOne(shadow, START);
    for (const at of instants(4, START, 0)) shelf.take([shadow, { ...real, cost: 101 }], at);
    expect(shelf.takeOne(shadow, START).lockedOut).toBe(true);
  });
});

describe("what is stored of a lockout", () => {
  const record = (state: unknown): KeyRecord => ({
    format: 1,
    epoch: 0,
    atMs: START,
    counts: { "policy/lockout": { untilMs: START + HOUR, state } },
  });
  const decisionOn = (state: unknown) =>
    takeAll(new Map([["caller", readRecord(record(state)) ?? record("unreadable")]]), [one], START)
      .decisions[0];

  it("is honoured", () => {
    expect(decisionOn([START + MINUTE])).toMatchObject({ lockedOut: true, retryAfterMs: MINUTE });
  });

  it.each([
    ["nothing", undefined],
    ["an empty list", []],
    ["a number", START + MINUTE],
    ["text", [`${START + MINUTE}`]],
    ["half a millisecond", [START + MINUTE + 0.5]],
    ["an end after the end of time", [2 ** 52 + 1]],
    ["half an entry", [START + MINUTE, START]],
    ["entries that are no numbers", [START + MINUTE, "a", "b"]],
    ["entries out of order", [START + MINUTE, START, 1, START, 1]],
    ["a sliding window's state", [START + MINUTE, 1, START + HOUR, 1]],
    ["a token bucket's state", { atMs: START + MINUTE, debtUnits: 5 }],
    ["a fixed window's state", { startMs: START + MINUTE, used: 5 }],
  ])("reads %s as no lockout", (_, state) => {
    expect(decisionOn(state)).toMatchObject({ allowed: true, remaining: 0 });
  });

  it("counts on from a log that was written for another number of refusals", () => {
    const { shelf } = refused(4);
    const fewer = { ...one, lockout: lockoutOf(3, MINUTE, FIFTEEN) };
    expect(shelf.takeOne(fewer, START).lockedOut).toBe(true);
  });

  it("holds to its end when the lockout is configured shorter", () => {
    const { shelf } = refused(5);
    const shorter = { ...one, lockout: lockoutOf(5, MINUTE, SECOND) };
    expect(shelf.takeOne(shorter, START + MINUTE).retryAfterMs).toBe(FIFTEEN - MINUTE);
  });

  it("means nothing to a policy that has no lockout any more", () => {
    const { shelf } = refused(5);
    expect(shelf.takeOne({ ...one, lockout: undefined }, START + MINUTE).allowed).toBe(true);
  });
});
