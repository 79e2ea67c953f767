import { describe, expect, it } from "vitest";
import {
  EMPTY_RECORD,
  idleAtMs,
  type KeyRecord,
  RECORD_FORMAT,
  readRecord,
  withCount,
} from "../../src/limit/key-record.ts";
import { chargeOf, createShelf, MINUTE, START, sliding } from "./fixtures.ts";

const RECORD: KeyRecord = {
  format: 1,
  epoch: 2,
  atMs: START,
  counts: { a: { untilMs: START + MINUTE, state: [START, 1] } },
};

describe("the format of a record", () => {
  it("is number 1, and is written into every record", () => {
    const shelf = createShelf();
    shelf.takeOne(chargeOf(sliding(5, MINUTE)), START);
    expect(RECORD_FORMAT).toBe(1);
    expect(shelf.records.get("caller")).toEqual({
      format: 1,
      epoch: 0,
      atMs: START,
      counts: { "policy/sliding-window/60000": { untilMs: START + MINUTE, state: [START, 1] } },
    });
  });
});

describe("reading a stored record", () => {
  it("takes what JSON brings back", () => {
    expect(readRecord(JSON.parse(JSON.stringify(RECORD)))).toEqual(RECORD);
  });

  it("takes what a structured clone brings back", () => {
    expect(readRecord(structuredClone(RECORD))).toEqual(RECORD);
  });

  it("takes a state it knows nothing of: the algorithm reads it", () => {
    const strange = { ...RECORD, counts: { a: { untilMs: START, state: "?" } } };
    expect(readRecord(strange)).toEqual(strange);
  });

  it.each([
    ["nothing", undefined],
    ["null", null],
    ["text", JSON.stringify(RECORD)],
    ["an empty table", {}],
    ["no format", { ...RECORD, format: undefined }],
    ["the next format", { ...RECORD, format: 2 }],
    ["a format in text", { ...RECORD, format: "1" }],
    ["an epoch that is no number", { ...RECORD, epoch: "2" }],
    ["a negative epoch", { ...RECORD, epoch: -1 }],
    ["no newest instant", { ...RECORD, atMs: undefined }],
    ["half a millisecond", { ...RECORD, atMs: START + 0.5 }],
    ["no counts", { ...RECORD, counts: undefined }],
    ["counts that are text", { ...RECORD, counts: "a" }],
    ["a count that is none", { ...RECORD, counts: { a: null } }],
    ["a count without an end", { ...RECORD, counts: { a: { state: [] } } }],
    ["a count whose end is no number", { ...RECORD, counts: { a: { untilMs: Number.NaN, state: [] } } }],
  ])("refuses %s", (_, stored) => {
    expect(readRecord(stored)).toBeUndefined();
  });
});

describe("replacing a count of a record", () => {
  const count = (untilMs: number) => ({ untilMs, state: [] });

  it("keeps the counts that still have something to say", () => {
    const record = withCount(RECORD, "b", count(START + 5), START);
    expect(Object.keys(record.counts)).toEqual(["a", "b"]);
  });

  it("drops the counts whose end has come", () => {
    const record = withCount(RECORD, "b", count(START + 2 * MINUTE), START + MINUTE);
    expect(Object.keys(record.counts)).toEqual(["b"]);
  });

  it("keeps a count until one millisecond before its end", () => {
    const record = withCount(RECORD, "b", count(START + 2 * MINUTE), START + MINUTE - 1);
    expect(Object.keys(record.counts)).toEqual(["a", "b"]);
  });

  it("drops the new count, too, when it has nothing to say", () => {
    const record = withCount(RECORD, "a", count(START), START);
    expect(record.counts).toEqual({});
  });

  it("takes the instant as the newest, unless a newer one is kept", () => {
    const instants = [START + 7, START - 7].map((at) => withCount(RECORD, "b", count(START + 9), at).atMs);
    expect(instants).toEqual([START + 7, START]);
  });

  it("keeps the epoch and leaves the record itself as it was", () => {
    const before = structuredClone(RECORD);
    expect(withCount(RECORD, "a", count(START + 9), START + 1).epoch).toBe(2);
    expect(RECORD).toEqual(before);
  });
});

describe("the idle instant of a record", () => {
  it("is the latest end of its counts", () => {
    const counts = {
      a: { untilMs: START + 5, state: [] },
      b: { untilMs: START + 9, state: [] },
      c: { untilMs: START + 7, state: [] },
    };
    expect(idleAtMs({ ...RECORD, counts })).toBe(START + 9);
  });

  it("is long past for a record without counts", () => {
    expect(idleAtMs(EMPTY_RECORD)).toBe(0);
  });
});
