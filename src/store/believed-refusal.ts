import type { Outcome, StoreCharge, TakeAnswer } from "./store.ts";

/** What something costs under each charge, by its count. Whole units. */
export type Costs = ReadonlyMap<string, number>;

/** The newest refusal of some charges, for as long as it saves asking again. */
export interface BelievedRefusal {
  /** @param askedMs when the store was asked, and `nowMs`, when it answered */
  remember(answer: TakeAnswer, costs: Costs, askedMs: number, nowMs: number): void;
  forget(): void;
  /** The refusal as it stands now, while it is believed. What costs less may still have room. */
  find(costs: Costs, nowMs: number): TakeAnswer | undefined;
}

/** How long a refusal is believed before the store is asked again: somebody may have given back. */
const MAX_BELIEVED_MS = 1_000;

interface Refusal {
  readonly answer: TakeAnswer;
  readonly costs: Costs;
  readonly atMs: number;
  readonly untilMs: number;
}

export function createBelievedRefusal(charges: readonly StoreCharge[]): BelievedRefusal {
  let refusal: Refusal | undefined;

  /** How long a refusal lasts; 0 when nobody counted. */
  function waitOf({ outcomes }: TakeAnswer): number {
    const waits = outcomes.map((outcome, i) => (charges[i]?.shadow ? 0 : decisionOf(outcome)?.retryAfterMs));
    return Math.max(0, ...waits.map((ms) => ms ?? 0));
  }

  return {
    remember(answer, costs, askedMs, nowMs) {
      const untilMs = askedMs + Math.min(waitOf(answer), MAX_BELIEVED_MS);
      refusal = { answer, costs, atMs: nowMs, untilMs };
    },
    forget() {
      refusal = undefined;
    },
    find(costs, nowMs) {
      if (!refusal || nowMs >= refusal.untilMs) return undefined;
      const { answer, atMs, costs: refused } = refusal;
      const isCheaper = [...costs].some(([count, cost]) => cost < (refused.get(count) ?? 0));
      return isCheaper ? undefined : later(answer, nowMs - atMs);
    },
  };
}

/** What was decided of a charge; undefined when nobody counted. */
export const decisionOf = (outcome: Outcome | undefined) =>
  outcome?.kind === "decided" || outcome?.kind === "local" ? outcome.decision : undefined;

/** The same refusal some time later. */
function later(answer: TakeAnswer, ms: number): TakeAnswer {
  const outcomes = answer.outcomes.map((outcome) => {
    if (outcome.kind !== "decided" && outcome.kind !== "local") return outcome;
    const retryAfterMs = Math.max(0, outcome.decision.retryAfterMs - ms);
    return { ...outcome, decision: { ...outcome.decision, retryAfterMs } };
  });
  return { ...answer, outcomes };
}
