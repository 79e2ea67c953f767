import type { Decision, Standing } from "../limit/charge.ts";
import { CONCURRENCY } from "../limit/quota.ts";
import type { Settlement } from "../limit/settle.ts";
import type { Breaker } from "./breaker.ts";
import { type Deadline, SPENT_DEADLINE, TimeoutError } from "./deadline.ts";
import type { Ladder } from "./ladder.ts";
import type { Store, StoreCharge, TakeAnswer, WaitUntil } from "./store.ts";

export interface GuardParts {
  readonly breaker: Breaker;
  readonly ladder: Ladder;
  readonly report: (reason: string) => void;
  /** Begins to time a call; what it returns ends it. */
  readonly timeCall?: () => () => void;
  /** For what goes on after the answer. */
  readonly waitUntil?: WaitUntil;
}

/**
 * A store that never rejects: when it does not answer in time, fails, is overloaded or has been failing, the ladder
 * decides. Nothing is tried again.
 *
 * @param part what the breaker tells apart: the key of an object, or one name for a whole store
 */
export function withGuard(
  store: Store,
  part: string,
  { breaker, ladder, report, timeCall, waitUntil = () => {} }: GuardParts,
): Store {
  return {
    async take(charges, deadline, tentative) {
      // Whoever used up the time, it was not this store.
      if (deadline.isUp() || !breaker.allows()) return ladder.take(charges, deadline);
      const endCall = timeCall?.();
      let taking: Promise<TakeAnswer> | undefined;
      try {
        taking = store.take(charges, deadline, tentative);
        const answer = await deadline.race(taking);
        assertAnswer(answer, charges);
        breaker.succeeded();
        endCall?.();
        return answer;
      } catch (error) {
        const overloaded = isOverloaded(error);
        // An overloaded object says that its own caller is too fast, nothing about the store.
        if (!overloaded) breaker.failed(part);
        if (error instanceof TimeoutError)
          waitUntil(
            Promise.resolve(taking)
              .then(giveSlotsBack)
              .catch(() => {}),
          );
        report(overloaded ? "overloaded" : reasonOf(error));
        endCall?.();
        return ladder.take(charges, deadline, overloaded);
      }
    },

    async settle(settlements, deadline) {
      const isLocal = ({ receipt }: Settlement) => receipt.isLocal === true;
      const own = settlements.filter((settlement) => !isLocal(settlement));
      const answers = await Promise.all([
        ladder.settle(settlements.filter(isLocal), deadline),
        own.length > 0 ? settleOwn(own, deadline) : [],
      ]);
      const [local, stored] = answers.map((answer) => answer.values());
      return settlements.map((settlement) => (isLocal(settlement) ? local : stored)?.next().value);
    },
  };

  /** An admission that came too late stands, as a charge: but of what counts until it is over, nobody would know the end. */
  async function giveSlotsBack(late: TakeAnswer | undefined): Promise<void> {
    const slots = (late?.receipts ?? []).filter(({ charge }) => charge.quota.algorithm === CONCURRENCY);
    if (slots.length > 0)
      await store.settle(
        slots.map((receipt) => ({ receipt, cost: 0 })),
        SPENT_DEADLINE,
      );
  }

  async function settleOwn(
    settlements: readonly Settlement[],
    deadline: Deadline,
  ): Promise<readonly (Standing | undefined)[]> {
    const wasUp = deadline.isUp();
    try {
      return await deadline.race(store.settle(settlements, deadline));
    } catch (error) {
      // With the time up before, it goes on after the answer: that nobody waits for it is no failure.
      if (!wasUp) report(reasonOf(error));
      return [];
    }
  }
}

/** Throws unless the answer speaks of every charge in numbers, and admits just when they do. */
function assertAnswer({ admitted, outcomes, receipts }: TakeAnswer, charges: readonly StoreCharge[]): void {
  const decisions = outcomes.flatMap((outcome) => (outcome.kind === "decided" ? [outcome.decision] : []));
  const isSound =
    decisions.length === charges.length &&
    decisions.every(isDecision) &&
    admitted === charges.every(({ shadow }, i) => shadow || decisions[i]?.allowed) &&
    Array.isArray(receipts);
  if (!isSound) throw new Error("the store's answer makes no sense");
}

function isDecision({ allowed, remaining, retryAfterMs, moreRoomMs, resetMs, nowMs }: Decision): boolean {
  const numbers = [remaining, retryAfterMs, moreRoomMs, resetMs, nowMs];
  return typeof allowed === "boolean" && numbers.every((number) => typeof number === "number" && number >= 0);
}

function isOverloaded(error: unknown): boolean {
  return typeof error === "object" && error !== null && "overloaded" in error && error.overloaded === true;
}

/** What went wrong, in a few words. */
function reasonOf(error: unknown): string {
  if (error instanceof TimeoutError) return "timeout";
  const message = error instanceof Error ? error.message : String(error);
  return message.slice(0, 200);
}
