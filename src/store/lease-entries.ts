import type { Decision } from "../limit/charge.ts";
import type { Batch } from "./held-permits.ts";
import type { Lease } from "./lease.ts";
import type { Outcome, StoreCharge, TakeAnswer } from "./store.ts";

/** A charge of a request, and what has become of it without asking the store. */
export interface Entry {
  readonly charge: StoreCharge;
  /** Of a leased charge. */
  readonly lease: Lease | undefined;
  paidFrom?: Batch | undefined;
  refusal?: Decision | undefined;
}

/** Whether the store has to be asked. */
export const isOpen = ({ paidFrom, refusal }: Entry): boolean => !paidFrom && !refusal;

/** Pays what is in hand, or refuses what is known to be refused. */
export function serve(
  entries: readonly Entry[],
  refusalOf: (charge: StoreCharge) => Decision | undefined,
  nowMs: number,
): void {
  for (const entry of entries) {
    const { charge, lease } = entry;
    if (!lease || !isOpen(entry)) continue;
    entry.paidFrom = lease.held.pay(charge.cost, nowMs);
    if (!entry.paidFrom) entry.refusal = refusalOf(charge);
  }
}

/** The answer when the store has not to be asked: everything is paid, or something is refused. */
export function answerOf(entries: readonly Entry[], nowMs: number): TakeAnswer | undefined {
  const isRefused = entries.some(({ charge, refusal }) => refusal && !charge.shadow);
  if (!isRefused && entries.some(isOpen)) return undefined;
  conclude(entries, !isRefused, nowMs);
  // A refusal from memory speaks only for its own quota.
  const outcomes = entries.map((entry) => (isRefused && entry.paidFrom ? UNASKED : outcomeOf(entry, nowMs)));
  return { admitted: !isRefused, outcomes, receipts: [], final: false };
}

/** Counts what was paid towards the pace, or puts it back: a refusal costs nothing. */
export function conclude(entries: readonly Entry[], isAdmitted: boolean, nowMs: number): void {
  for (const { charge, lease, paidFrom } of entries) {
    if (!lease || !paidFrom) continue;
    if (isAdmitted) lease.plan.note(charge.cost, nowMs);
    else lease.held.putBack(charge.cost, paidFrom, nowMs);
  }
}

/** What became of a charge that the store was not asked about. */
export function outcomeOf({ lease, paidFrom, refusal }: Entry, nowMs: number): Outcome {
  if (refusal) return { kind: "decided", decision: refusal };
  return paidFrom && lease ? { kind: "decided", decision: lease.standing(nowMs) } : UNASKED;
}

const UNASKED: Outcome = { kind: "unasked" };
