import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Records, standingOf } from "../../src/limit/take.ts";
import { anyCost, anyQuota } from "./arbitraries.ts";
import { chargeOf, createShelf, DAY, MINUTE, START } from "./fixtures.ts";

fc.configureGlobal({ numRuns: 500 });

describe("promise 2: a refusal costs nothing", () => {
  /** Several quotas, of one or several callers, some of them shadows. */
  const anyCharges = fc
    .uniqueArray(
      fc.record({
        quota: anyQuota,
        key: fc.constantFrom("caller", "address"),
        shadow: fc.boolean(),
        count: fc.constantFrom("a", "b", "c"),
      }),
      { minLength: 1, maxLength: 5, selector: ({ key, count }) => `${key} ${count}` },
    )
    .map((parts) => parts.map(({ quota, ...rest }) => chargeOf(quota, rest)));
  const anyTakes = anyCharges.chain((charges) =>
    fc.record({
      charges: fc.constant(charges),
      steps: fc.array(
        fc.record({
          moveMs: fc.integer({ min: -MINUTE, max: DAY / 10 }),
          costs: fc.tuple(...charges.map(({ quota }) => anyCost(quota))),
        }),
        { minLength: 1, maxLength: 15 },
      ),
    }),
  );

  const anyRecords = anyTakes.map(({ charges, steps }) => {
    const shelf = createShelf();
    const takes = steps.map(({ costs }) => charges.map((charge, i) => ({ ...charge, cost: costs[i] ?? 1 })));
    let clockMs = START;
    for (const [i, step] of steps.entries()) {
      clockMs += step.moveMs;
      if (i < steps.length - 1) shelf.take(takes[i] ?? [], clockMs);
    }
    return { shelf, charges: takes.at(-1) ?? [], clockMs };
  });

  it("after a refusal every record is what it was, and no receipt is given", () => {
    fc.assert(
      fc.property(anyRecords, ({ shelf, charges, clockMs }) => {
        const before = copyOf(shelf.records);
        const { admitted, receipts, changed } = shelf.take(charges, clockMs);
        if (admitted) return;
        expect([receipts, [...changed]]).toEqual([[], []]);
        expect(copyOf(shelf.records)).toEqual(before);
      }),
    );
  });

  it("a take is admitted exactly when every charge that is not a shadow has room by itself", () => {
    fc.assert(
      fc.property(anyRecords, ({ shelf, charges, clockMs }) => {
        const fits = charges.map(
          (charge) => standingOf(shelf.records, charge, clockMs).remaining >= charge.cost,
        );
        const { admitted, decisions } = shelf.take(charges, clockMs);
        expect(decisions.map(({ allowed }) => allowed)).toEqual(fits);
        expect(admitted).toBe(charges.every(({ shadow }, i) => shadow || fits[i]));
      }),
    );
  });

  it("what a refused take says of the quotas with room is how they stand, uncharged", () => {
    fc.assert(
      fc.property(anyRecords, ({ shelf, charges, clockMs }) => {
        const standings = charges.map((charge) => standingOf(shelf.records, charge, clockMs));
        const { admitted, decisions } = shelf.take(charges, clockMs);
        if (!admitted) expect(decisions).toMatchObject(standings);
      }),
    );
  });

  it("an admitted take charges each quota that has room, shadows too, and gives a receipt for it", () => {
    fc.assert(
      fc.property(anyRecords, ({ shelf, charges, clockMs }) => {
        const { admitted, decisions, receipts } = shelf.take(charges, clockMs);
        if (!admitted) return;
        expect(receipts.map(({ charge }) => charge)).toEqual(charges.filter((_, i) => decisions[i]?.allowed));
        for (const [i, charge] of charges.entries()) {
          expect(decisions[i]).toMatchObject(standingOf(shelf.records, charge, clockMs));
        }
      }),
    );
  });

  it("shadows change nothing for the others", () => {
    fc.assert(
      fc.property(anyTakes, ({ charges, steps }) => {
        const [withShadows, without] = [createShelf(), createShelf()];
        const isReal = charges.map(({ shadow }) => !shadow);
        // Shadows of another key: under one key they would also share its newest instant.
        const apart = charges.map((charge) => (charge.shadow ? { ...charge, key: "shadow" } : charge));
        let clockMs = START;
        for (const { moveMs, costs } of steps) {
          clockMs += moveMs;
          const all = apart.map((charge, i) => ({ ...charge, cost: costs[i] ?? 1 }));
          const real = all.filter((_, i) => isReal[i]);
          const taken = withShadows.take(all, clockMs);
          const expected = without.take(real, clockMs);
          expect(taken.admitted).toBe(expected.admitted);
          expect(taken.decisions.filter((_, i) => isReal[i])).toEqual(expected.decisions);
        }
      }),
    );
  });

  it("neither the records nor the charges that were handed in are changed", () => {
    fc.assert(
      fc.property(anyRecords, ({ shelf, charges, clockMs }) => {
        deepFreeze([...shelf.records.values()]);
        deepFreeze(charges);
        expect(() => shelf.take(charges, clockMs)).not.toThrow();
      }),
    );
  });

  const copyOf = (records: Records): unknown => structuredClone([...records]);
});

function deepFreeze(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
}
