import type { Receipt } from "../limit/charge.ts";
import type { Settlement } from "../limit/settle.ts";

/** What one call brought ahead of one charge. */
export interface Batch {
  /** When it was asked for, and from when on it is not to be used any more, by the holder's clock. */
  readonly askedMs: number;
  readonly untilMs: number;
  /** Not used yet. */
  readonly units: number;
  /** What gives back the rest; without one it is left to expire. */
  readonly receipt?: Receipt | undefined;
}

type Held = Batch & { units: number };

const NONE: readonly Held[] = [];

/** Permits in hand for one charge. What ends first is used first: so the least comes to its end unused. */
export class HeldPermits {
  #live = NONE;
  #over = NONE;
  #latestMs = Number.NEGATIVE_INFINITY;

  add(batch: Batch): void {
    this.#latestMs = Math.max(this.#latestMs, batch.askedMs);
    this.#live = [...this.#live, { ...batch }].sort((one, other) => one.untilMs - other.untilMs);
  }

  /** How many units are in hand. */
  held(nowMs: number): number {
    let sum = 0;
    for (const { units } of this.#liveAt(nowMs)) sum += units;
    return sum;
  }

  /** Pays so many units, and says from which batch, the first of several; undefined, and nothing paid, when it is more than is in hand. */
  pay(units: number, nowMs: number): Batch | undefined {
    if (units > this.held(nowMs)) return undefined;
    let first: Held | undefined;
    let unpaid = units;
    for (const batch of this.#live) {
      const paid = Math.min(unpaid, batch.units);
      if (paid > 0) first ??= batch;
      batch.units -= paid;
      unpaid -= paid;
    }
    return first;
  }

  /** Puts back what was paid for nothing, unless that batch is over. */
  putBack(units: number, paidFrom: Batch, nowMs: number): void {
    const batch = this.#liveAt(nowMs).find((one) => one === paidFrom);
    if (batch) batch.units += units;
  }

  /** Lets go of what came to its end, and says what it cost after all. */
  expired(nowMs: number): Settlement[] {
    this.#liveAt(nowMs);
    const settlements = this.#over.flatMap(trueCost);
    this.#over = NONE;
    return settlements;
  }

  /** Lets go of everything, likewise. */
  release(): Settlement[] {
    const settlements = [...this.#over, ...this.#live].flatMap(trueCost);
    this.#over = NONE;
    this.#live = NONE;
    return settlements;
  }

  /** What may be used now. After the clock ran back nobody knows for how long the others have been held: they are over. */
  #liveAt(nowMs: number): readonly Held[] {
    const isBack = nowMs < this.#latestMs;
    this.#latestMs = nowMs;
    const isOver = ({ untilMs }: Held) => isBack || untilMs <= nowMs;
    if (this.#live.some(isOver)) {
      this.#over = [...this.#over, ...this.#live.filter((batch) => isOver(batch) && batch.receipt)];
      this.#live = this.#live.filter((batch) => !isOver(batch));
    }
    return this.#live;
  }
}

/** What a batch cost, where that is less than was admitted. */
function trueCost({ receipt, units }: Held): Settlement[] {
  return receipt && units > 0 ? [{ receipt, cost: receipt.charge.cost - units }] : [];
}
