import { describe, expect, it } from "vitest";
import { standingOf, takeAll } from "../../src/limit/take.ts";
import { chargeOf, createShelf, fixed, HOUR, instants, MINUTE, SECOND, START, sliding } from "./fixtures.ts";

describe("a take of several charges", () => {
  const user = chargeOf(sliding(2, MINUTE), { key: "user", count: "user" });
  const address = chargeOf(sliding(3, MINUTE), { key: "address", count: "address" });

  it("counts every charge when all have room", () => {
    const shelf = createShelf();
    const { admitted, decisions, receipts } = shelf.take([user, address], START);
    expect(admitted).toBe(true);
    expect(decisions.map(({ remaining }) => remaining)).toEqual([1, 2]);
    expect(receipts).toEqual([
      { charge: user, epoch: 0, timeMs: START },
      { charge: address, epoch: 0, timeMs: START },
    ]);
  });

  it("refused by the user quota: the address is not charged", () => {
    const shelf = createShelf();
    for (const at of instants(2, START, 0)) shelf.take([user], at);
    const { admitted, decisions } = shelf.take([user, address], START);
    expect(admitted).toBe(false);
    expect(decisions.map(({ allowed, remaining }) => [allowed, remaining])).toEqual([
      [false, 0],
      [true, 3],
    ]);
    expect(shelf.records.has("address")).toBe(false);
  });

  it("the order of the charges makes no difference", () => {
    const shelf = createShelf();
    for (const at of instants(2, START, 0)) shelf.take([user], at);
    const { admitted, decisions, changed } = shelf.take([address, user], START);
    expect([admitted, changed.size]).toEqual([false, 0]);
    expect(decisions.map(({ allowed, remaining }) => [allowed, remaining])).toEqual([
      [true, 3],
      [false, 0],
    ]);
  });

  it("refused by the minute: the hour of the same key is not charged", () => {
    const minute = chargeOf(sliding(5, MINUTE));
    const hour = chargeOf(sliding(60, HOUR));
    const shelf = createShelf();
    for (const at of instants(8, START, 0)) shelf.take([minute, hour], at);
    expect(standingOf(shelf.records, hour, START).remaining).toBe(55);
  });

  it("keeps charges of one key in one record", () => {
    const shelf = createShelf();
    shelf.take([chargeOf(sliding(5, MINUTE)), chargeOf(fixed(60, HOUR))], START);
    expect([...shelf.records.keys()]).toEqual(["caller"]);
    expect(Object.keys(shelf.records.get("caller")?.counts ?? {})).toHaveLength(2);
  });

  it("counts apart what differs in its count only", () => {
    const shelf = createShelf();
    const [one, other] = ["one", "other"].map((count) => chargeOf(sliding(1, MINUTE), { count }));
    expect([one, other].map((charge) => charge && shelf.takeOne(charge, START).allowed)).toEqual([
      true,
      true,
    ]);
  });

  it("alice x3 and bob x2 of one tenant at 10/s and 5/s: the next of either is refused", () => {
    const shelf = createShelf();
    const tenant = chargeOf(sliding(5, SECOND), { key: "tenant" });
    const of = (name: string) => [chargeOf(sliding(10, SECOND), { key: name }), tenant];
    const calls = ["alice", "alice", "alice", "bob", "bob", "alice", "bob"];
    const admitted = calls.map((name) => shelf.take(of(name), START).admitted);
    expect(admitted).toEqual([true, true, true, true, true, false, false]);
  });

  it("without charges is admitted and changes nothing", () => {
    expect(takeAll(new Map(), [], START)).toEqual({
      admitted: true,
      decisions: [],
      receipts: [],
      changed: new Map(),
    });
  });
});

describe("a shadow charge", () => {
  const shadow = chargeOf(sliding(1, MINUTE), { count: "shadow", shadow: true });
  const real = chargeOf(sliding(5, MINUTE), { count: "real" });

  it("is decided and counted", () => {
    const shelf = createShelf();
    const decisions = instants(2, START, 0).map((at) => shelf.takeOne(shadow, at));
    expect(decisions.map(({ allowed }) => allowed)).toEqual([true, false]);
  });

  it("never makes a take fail", () => {
    const shelf = createShelf();
    const taken = instants(3, START, 0).map((at) => shelf.take([shadow, real], at));
    expect(taken.map(({ admitted }) => admitted)).toEqual([true, true, true]);
    expect(taken.map(({ receipts }) => receipts.length)).toEqual([2, 1, 1]);
  });

  it("is not counted by a take that another charge refuses", () => {
    const shelf = createShelf();
    shelf.take([{ ...real, cost: 5 }], START);
    shelf.take([shadow, real], START);
    expect(standingOf(shelf.records, shadow, START).remaining).toBe(1);
  });
});
