import type { Decision } from "../limit/charge.ts";
import type { KnownRefusals } from "./known-refusals.ts";
import type { Outcome, Store, StoreCharge, TakeAnswer } from "./store.ts";

/** The longest that a refusal is answered from memory before the store is asked again. */
const MAX_KNOWN_MS = 10_000;
/** The same of a key that is locked out: its wait may be the quota's own, and outlast the lockout. */
const MAX_LOCKED_OUT_MS = 1_000;

/**
 * Answers from this isolate's memory while a quota is known to be out of room, so that a flood of
 * refusals costs no store call. Such an answer speaks only for the quotas known to refuse.
 *
 * @param onKnown is told of each such answer
 */
export function withKnownRefusals(
  store: Store,
  known: KnownRefusals,
  now: () => number,
  onKnown: () => void = () => {},
): Store {
  return {
    async take(charges, deadline) {
      const refusal = refusalOf(charges, known);
      if (refusal) {
        onKnown();
        return refusal;
      }
      const askedMs = now();
      const answer = await store.take(charges, deadline);
      if (answer.admitted || !answer.final) return answer;
      for (const [i, charge] of charges.entries()) {
        const outcome = answer.outcomes[i];
        if (charge.shadow || outcome?.kind !== "decided" || outcome.decision.allowed) continue;
        if (!isFinal(charge, outcome.decision)) continue;
        known.remember(charge, outcome.decision, askedMs);
      }
      return answer;
    },
    settle: (settlements, deadline) => store.settle(settlements, deadline),
  };
}

/** The answer when one of the charges is known to be refused, without asking any store; undefined when none is. */
export function refusalOf(charges: readonly StoreCharge[], known: KnownRefusals): TakeAnswer | undefined {
  const refusals = charges.map((charge) =>
    charge.shadow ? undefined : known.find(charge, charge.lockout ? MAX_LOCKED_OUT_MS : MAX_KNOWN_MS),
  );
  if (!refusals.some((refusal) => refusal)) return undefined;
  const outcomes = refusals.map(
    (decision): Outcome => (decision ? { kind: "decided", decision } : { kind: "unasked" }),
  );
  return { admitted: false, outcomes, receipts: [], final: true };
}

/**
 * Else a settlement may shorten the refusal, or the store has the next one to count as well. One of a key that is locked
 * out may be kept past the lockout, where its quota has room even later: those few seconds of refusals count for nothing.
 */
const isFinal = ({ lockout, provisional }: StoreCharge, { lockedOut }: Decision): boolean =>
  lockedOut || (!lockout && !provisional);
