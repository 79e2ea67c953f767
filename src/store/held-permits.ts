import type { Receipt } from "../limit/charge.ts";
import type { Settlement } from "../limit/settle.ts";

/** What one call brought ahead. */
export interface Batch {
  /** When it was asked for, and from when on it is not to be used any more, by the holder's clock. */
  readonly askedMs: number;
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
  /** Lets go of what came to its end unused, and says what it cost after all. */
  expired(nowMs: number): Settlement[];
  /** Lets go of everything, likewise. */
  release(): Settlement[];
}

type Held = Batch & { readonly left: Map<string, number> };

export function createHeldPermits(): HeldPermits {
  let live: readonly Held[] = [];
  let over: readonly Held[] = [];
  let latestMs = Number.NEGATIVE_INFINITY;

  /** What may be used now. After the clock ran back nobody knows for how long the others have been held: they are over. */
  function liveAt(nowMs: number): readonly Held[] {
    const isBack = nowMs < latestMs;
    latestMs = nowMs;
    const ended = live.filter(({ untilMs }) => isBack || untilMs <= nowMs);
    if (ended.length === 0) return live;
    over = [...over, ...ended];
    live = live.filter((batch) => !ended.includes(batch));
    return live;
  }

  const held = (count: string, nowMs: number): number =>
    liveAt(nowMs).reduce((sum, { left }) => sum + (left.get(count) ?? 0), 0);

  return {
    add(batch) {
      latestMs = Math.max(latestMs, batch.askedMs);
      live = [...live, { ...batch, left: new Map(batch.left) }];
    },
    held,
    pay(costs, nowMs) {
      if ([...costs].some(([count, cost]) => cost > held(count, nowMs))) return false;
      for (const [count, cost] of costs) payFrom(live, count, cost);
      return true;
    },
    expired(nowMs) {
      liveAt(nowMs);
      const settlements = over.flatMap(trueCosts);
      over = [];
      return settlements;
    },
    release() {
      const settlements = [...over, ...live].flatMap(trueCosts);
      over = [];
      live = [];
      return settlements;
    },
  };
}

/** Oldest first: so the least comes to its end unused. */
function payFrom(batches: readonly Held[], count: string, cost: number): void {
  let unpaid = cost;
  for (const { left } of batches) {
    const units = left.get(count) ?? 0;
    const paid = Math.min(unpaid, units);
    left.set(count, units - paid);
    unpaid -= paid;
  }
}

/** What a batch cost, where that is less than was admitted. */
function trueCosts({ receipts, left }: Held): Settlement[] {
  const settlements = receipts.map((receipt) => {
    const { cost, count } = receipt.charge;
    return { receipt, cost: cost - (left.get(count) ?? 0) };
  });
  return settlements.filter(({ receipt, cost }) => cost < receipt.charge.cost);
}
