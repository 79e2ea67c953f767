import type { Charge, Decision, Receipt } from "../limit/charge.ts";
import type { Settlement } from "../limit/settle.ts";

/**
 * What keeps the counts. An adapter makes `take` atomic; it does no rate arithmetic of its own.
 * Every method rejects when the store cannot be reached; a refusal is an answer.
 */
export interface Store {
  /** Counts every charge or, when one that is not a shadow has no room, none. */
  take(charges: readonly Charge[]): Promise<TakeAnswer>;
  /** Replaces the cost of admissions by the true one: 0 gives all of it back. Once for each receipt. */
  settle(settlements: readonly Settlement[]): Promise<void>;
}

export interface TakeAnswer {
  /** Whether every charge that is not a shadow was counted. */
  readonly admitted: boolean;
  /** One for each charge, in their order; undefined where another charge's refusal made it needless to ask. */
  readonly decisions: readonly (Decision | undefined)[];
  /** One for each charge that was counted. */
  readonly receipts: readonly Receipt[];
  /** A refusal that nobody else's settlement can shorten, so that it may be remembered. */
  readonly final: boolean;
}
