import type { Receipt } from "../limit/charge.ts";
import type { Settlement } from "../limit/settle.ts";

/** What one call brought ahead. */
export interface Batch {
  /** Not to be used from this instant on, by the holder's clock. */
  readonly untilMs: number;
  readonly receipts: readonly Receipt[];
  /** Units not used yet, by count. */
  readonly left: ReadonlyMap<string, number>;
}

/** Permits in hand, oldest first. Units are told apart by count. */
export interface HeldPermits {
  add(batch: Batch): void;
  /** How many units of a count are in hand. */
  held(count: string, nowMs: number): number;
  /** Pays for something that costs so much under each count; false, and nothing paid, when that is more than is in hand. */
  pay(costs: ReadonlyMap<string, number>, nowMs: number): boolean;
  /** Lets go of everything, and says what it cost after all. */
  release(nowMs: number): Settlement[];
}

export function createHeldPermits(): HeldPermits {
  let batches: {
    readonly untilMs: number;
    readonly receipts: readonly Receipt[];
    left: Map<string, number>;
  }[] = [];

  function live(nowMs: number) {
    batches = batches.filter(({ untilMs }) => untilMs > nowMs);
    return batches;
  }

  const held = (count: string, nowMs: number): number =>
    live(nowMs).reduce((sum, { left }) => sum + (left.get(count) ?? 0), 0);

  return {
    add({ left, ...batch }) {
      batches.push({ ...batch, left: new Map(left) });
    },
    held,
    pay(costs, nowMs) {
      if ([...costs].some(([count, cost]) => cost > held(count, nowMs))) return false;
      for (const [count, cost] of costs) {
        let unpaid = cost;
        for (const { left } of batches) {
          const paid = Math.min(unpaid, left.get(count) ?? 0);
          left.set(count, (left.get(count) ?? 0) - paid);
          unpaid -= paid;
        }
      }
      return true;
    },
    release(nowMs) {
      const settlements = live(nowMs).flatMap(({ receipts, left }) =>
        receipts.map((receipt) => {
          const { cost, count } = receipt.charge;
          return { receipt, cost: cost - (left.get(count) ?? 0) };
        }),
      );
      batches = [];
      return settlements.filter(({ receipt, cost }) => cost < receipt.charge.cost);
    },
  };
}
