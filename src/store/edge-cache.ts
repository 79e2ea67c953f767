import type { Charge, Decision } from "../limit/charge.ts";
import { BoundedMap } from "./bounded-map.ts";
import type { Store, TakeAnswer } from "./store.ts";

/** The longest that a refusal is answered from memory before the store is asked again. */
const MAX_KNOWN_MS = 10_000;
const MAX_ENTRIES = 10_000;

interface KnownRefusal {
  readonly decision: Decision;
  /** The least cost known to be refused. */
  readonly cost: number;
  readonly receivedMs: number;
  /** Before this instant the refusal holds for sure, whatever part of the call's time was the way back. */
  readonly untilMs: number;
}

/**
 * Answers from this isolate's memory while a quota is known to be out of room, so that a flood of
 * refusals costs no store call. Such an answer speaks only for the quotas known to refuse.
 */
export function withKnownRefusals(store: Store, now: () => number): Store {
  const known = new BoundedMap<string, KnownRefusal>(MAX_ENTRIES);

  function knownDecision(charge: Charge, nowMs: number): Decision | undefined {
    const refusal = charge.shadow ? undefined : known.get(refusalKey(charge));
    if (!refusal || refusal.untilMs <= nowMs || charge.cost < refusal.cost) return undefined;
    return elapsed(refusal.decision, nowMs - refusal.receivedMs);
  }

  function remember(charges: readonly Charge[], answer: TakeAnswer, askedMs: number): void {
    const receivedMs = now();
    for (const [i, charge] of charges.entries()) {
      const decision = answer.decisions[i];
      if (charge.shadow || !decision || decision.allowed) continue;
      const untilMs = askedMs + Math.min(decision.retryAfterMs, MAX_KNOWN_MS);
      known.set(refusalKey(charge), { decision, cost: charge.cost, receivedMs, untilMs });
    }
  }

  return {
    async take(charges) {
      const askedMs = now();
      const decisions = charges.map((charge) => knownDecision(charge, askedMs));
      if (decisions.some((decision) => decision !== undefined)) {
        return { admitted: false, decisions, receipts: [], final: true };
      }
      const answer = await store.take(charges);
      if (!answer.admitted && answer.final) remember(charges, answer, askedMs);
      return answer;
    },
    settle: (settlements) => store.settle(settlements),
  };
}

const refusalKey = ({ key, count, quota }: Charge): string => `${key} ${count} ${quota.limit} ${quota.burst}`;

/** The decision as the store would give it `ms` later. */
function elapsed(decision: Decision, ms: number): Decision {
  return {
    ...decision,
    retryAfterMs: decision.retryAfterMs - ms,
    moreRoomMs: Math.max(0, decision.moreRoomMs - ms),
    resetMs: decision.resetMs - ms,
    nowMs: decision.nowMs + ms,
  };
}
