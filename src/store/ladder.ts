import type { Receipt } from "../limit/charge.ts";
import type { Deadline } from "./deadline.ts";
import type { KnownRefusals } from "./known-refusals.ts";
import type { Outcome, Store, StoreCharge, TakeAnswer } from "./store.ts";

/** What decides when a store cannot: each charge's own step. One for each isolate. */
export interface Ladder {
  /** @param overloaded the store is away only because this very caller is too fast */
  take(charges: readonly StoreCharge[], deadline: Deadline, overloaded?: boolean): Promise<TakeAnswer>;
  /** Settles what the ladder itself counted. */
  settle: Store["settle"];
}

/**
 * The failure ladder: this isolate's count, let pass, or refuse.
 *
 * @param local counts while the store fails
 */
export function createLadder(local: Store, known: KnownRefusals): Ladder {
  /** While the store is away, what it refused last holds to its end. */
  const knownRefusal = (charge: StoreCharge) =>
    charge.shadow ? undefined : known.find(charge, Number.POSITIVE_INFINITY);

  async function take(
    wanted: readonly StoreCharge[],
    deadline: Deadline,
    overloaded = false,
  ): Promise<TakeAnswer> {
    // An outage hands out no leases: nobody would see that what they pay for was not counted by the store.
    const charges = wanted.map((charge) => (charge.lease ? { ...charge, ahead: undefined } : charge));
    const steps = charges.map((charge) => stepOf(charge, overloaded));
    const refused = charges.map((charge, i) => (steps[i] === "local" ? knownRefusal(charge) : undefined));
    const counted = charges.filter((_, i) => steps[i] === "local" && !refused[i]);
    const answer = await local.take(counted, deadline);
    const decisions = new Map(counted.map((charge, i) => [charge, answer.outcomes[i]]));
    const outcomes = charges.map((charge, i): Outcome => {
      const step = steps[i] ?? "open";
      if (step !== "local") return { kind: step };
      const decision = refused[i] ?? decided(decisions.get(charge));
      return decision ? { kind: "local", decision } : { kind: "open" };
    });
    const admitted = charges.every((charge, i) => charge.shadow || isAllowed(outcomes[i]));
    if (!admitted && answer.receipts.length > 0) {
      await local.settle(
        answer.receipts.map((receipt) => ({ receipt, cost: 0 })),
        deadline,
      );
    }
    const receipts = answer.receipts.map((receipt): Receipt => ({ ...receipt, isLocal: true }));
    return { admitted, outcomes, receipts: admitted ? receipts : [], final: false };
  }

  return { take, settle: (settlements, deadline) => local.settle(settlements, deadline) };
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
