import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { idleAtMs } from "../../src/limit/key-record.ts";
import { type Records, standingOf } from "../../src/limit/take.ts";
import { anyQuota } from "./arbitraries.ts";
import { chargeOf, createShelf, DAY, MINUTE, START, sliding } from "./fixtures.ts";

fc.configureGlobal({ numRuns: 500 });

describe("promise 9: state cleans itself up", () => {
  const anyRecord = fc
    .array(anyQuota, { minLength: 1, maxLength: 3 })
    .chain((quotas) =>
      fc.record({
        charges: fc.constant(quotas.map((quota, i) => chargeOf(quota, { count: `count ${i}` }))),
        moves: fc.array(fc.integer({ min: -MINUTE, max: DAY }), { minLength: 1, maxLength: 10 }),
      }),
    )
    .map(({ charges, moves }) => {
      const shelf = createShelf();
      let clockMs = START;
      for (const moveMs of moves) {
        clockMs += moveMs;
        shelf.take(charges, clockMs);
      }
      return { charges, records: shelf.records };
    });

  it("from its idle instant on a record means the same as none", () => {
    fc.assert(
      fc.property(anyRecord, fc.nat(DAY), ({ charges, records }, laterMs) => {
        const record = records.get("caller");
        if (!record) return;
        const clockMs = idleAtMs(record) + laterMs;
        const fresh = charges.map((charge) => standingOf(new Map(), charge, clockMs));
        expect(charges.map((charge) => standingOf(records, charge, clockMs))).toEqual(fresh);
      }),
    );
  });

  it("one millisecond before its idle instant a record still has something to say", () => {
    fc.assert(
      fc.property(anyRecord, ({ charges, records }) => {
        const record = records.get("caller");
        if (!record) return;
        const standings = charges.map((charge) => standingOf(records, charge, idleAtMs(record) - 1));
        expect(standings.some(({ resetMs }) => resetMs > 0)).toBe(true);
      }),
    );
  });

  it("a state never holds more than 128 entries, however the limit changes", () => {
    const anyChange = fc.record({
      limit: fc.constantFrom(60, 128, 129, 1_000, 100_000),
      moveMs: fc.oneof(fc.nat(3), fc.nat(MINUTE / 100), fc.nat(MINUTE)),
    });
    fc.assert(
      fc.property(fc.array(anyChange, { minLength: 150, maxLength: 400 }), (changes) => {
        const shelf = createShelf();
        let clockMs = START;
        for (const { limit, moveMs } of changes) {
          clockMs += moveMs;
          shelf.takeOne(chargeOf(sliding(limit, MINUTE)), clockMs);
          expect(entriesOf(shelf.records)).toBeLessThanOrEqual(128);
        }
      }),
      { numRuns: 30 },
    );
  });

  const entriesOf = (records: Records): number =>
    [...records.values()]
      .flatMap(({ counts }) => Object.values(counts))
      .reduce((most, { state }) => Math.max(most, (state as unknown[]).length / 2), 0);
});
