import type { Decision, Receipt } from "../limit/charge.ts";
import type { Breaker } from "./breaker.ts";
import { type Deadline, TimeoutError } from "./deadline.ts";
import type { KnownRefusals } from "./known-refusals.ts";
import type { Outcome, Store, StoreCharge, TakeAnswer } from "./store.ts";

export interface GuardParts {
  readonly breaker: Breaker;
  /** Counts while the store fails. */
  readonly local: Store;
  readonly known: KnownRefusals;
  /** Receipts of the local store, which are settled there; shared, as one guard may settle what another took. */
  readonly localReceipts: WeakSet<Receipt>;
  readonly report: (reason: string) => void;
}

/**
 * The failure ladder. A store that does not answer in time, fails, is overloaded or has been failing leads each charge
 * to its own step: this isolate's count, let pass, or refuse. Never rejects, and never tries again.
 *
 * @param part what the breaker tells apart: the key of an object, or one name for a whole store
 */
export function withGuard(store: Store, part: string, parts: GuardParts): Store {
  const { breaker, local, known, localReceipts, report } = parts;

  /** While the store is away, what it refused last holds to its end. */
  const knownRefusal = (charge: StoreCharge) =>
    charge.shadow ? undefined : known.find(charge, Number.POSITIVE_INFINITY);

  async function degrade(
    charges: readonly StoreCharge[],
    deadline: Deadline,
    overloaded: boolean,
  ): Promise<TakeAnswer> {
    const steps = charges.map((charge) => stepOf(charge, overloaded));
    const counted = charges.filter((charge, i) => steps[i] === "local" && !knownRefusal(charge));
    const answer = await local.take(counted, deadline);
    const decisions = new Map(counted.map((charge, i) => [charge, answer.outcomes[i]]));
    const outcomes = charges.map((charge, i): Outcome => {
      const step = steps[i] ?? "open";
      if (step !== "local") return { kind: step };
      const decision = knownRefusal(charge) ?? decided(decisions.get(charge));
      return decision ? { kind: "local", decision } : { kind: "open" };
    });
    const admitted = charges.every((charge, i) => charge.shadow || isAllowed(outcomes[i]));
    if (!admitted && answer.receipts.length > 0) {
      await local.settle(
        answer.receipts.map((receipt) => ({ receipt, cost: 0 })),
        deadline,
      );
    }
    const receipts = admitted ? answer.receipts : [];
    for (const receipt of receipts) localReceipts.add(receipt);
    return { admitted, outcomes, receipts, final: false };
  }

  return {
    async take(charges, deadline, tentative) {
      // Whoever used up the time, it was not this store.
      if (deadline.isUp() || !breaker.allows()) return degrade(charges, deadline, false);
      try {
        const answer = await deadline.race(store.take(charges, deadline, tentative));
        assertAnswer(answer, charges);
        breaker.succeeded();
        return answer;
      } catch (error) {
        const overloaded = isOverloaded(error);
        // An overloaded object says that its own caller is too fast, nothing about the store.
        if (!overloaded) breaker.failed(part);
        report(overloaded ? "overloaded" : reasonOf(error));
        return degrade(charges, deadline, overloaded);
      }
    },

    async settle(settlements, deadline) {
      const isOwn = settlements.some(({ receipt }) => localReceipts.has(receipt));
      try {
        return await deadline.race((isOwn ? local : store).settle(settlements, deadline));
      } catch (error) {
        report(reasonOf(error));
        return [];
      }
    },
  };
}

function stepOf({ onError, shadow }: StoreCharge, overloaded: boolean): StoreCharge["onError"] {
  // Else one caller could switch the limiter off by being too fast.
  if (overloaded && onError === "open") return "local";
  return shadow && onError === "closed" ? "open" : onError;
}

const decided = (outcome: Outcome | undefined) =>
  outcome?.kind === "decided" ? outcome.decision : undefined;

function isAllowed(outcome: Outcome | undefined): boolean {
  return outcome?.kind === "local" ? outcome.decision.allowed : outcome?.kind === "open";
}

/** Throws unless the answer speaks of every charge in numbers, and admits just when they do. */
function assertAnswer({ admitted, outcomes, receipts }: TakeAnswer, charges: readonly StoreCharge[]): void {
  const decisions = outcomes.flatMap((outcome) => decided(outcome) ?? []);
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

/** What went wrong, without what was sent: the Redis client repeats its whole command. */
function reasonOf(error: unknown): string {
  if (error instanceof TimeoutError) return "timeout";
  const message = error instanceof Error ? error.message : String(error);
  return message.split(", command was")[0]?.slice(0, 200) ?? "";
}
