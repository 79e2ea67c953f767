import type { Charge, Decision, KeyStanding, Receipt, Standing } from "../limit/charge.ts";
import type { OverrideEdit } from "../limit/override.ts";
import type { Settlement } from "../limit/settle.ts";
import type { Deadline } from "./deadline.ts";

/** A charge, and what becomes of it when the store fails. */
export interface StoreCharge extends Charge {
  /** Let this isolate limit by itself, let it pass, or refuse it. */
  readonly onError: "local" | "open" | "closed";
  /** May be paid with permits that this isolate took ahead. Never provisional, nor of a policy that locks out. */
  readonly lease?: boolean | undefined;
}

/** What became of one charge. */
export type Outcome =
  /** By the store. */
  | { readonly kind: "decided"; readonly decision: Decision }
  /** The store failed: by this isolate's own count. */
  | { readonly kind: "local"; readonly decision: Decision }
  /** The store failed: allowed, or refused, whatever the count. */
  | { readonly kind: "open" | "closed" }
  /** Another charge's refusal made it needless to ask. */
  | { readonly kind: "unasked" };

/** Keeps a request's work alive that its answer does not wait for. */
export type WaitUntil = (work: Promise<unknown>) => void;

export interface TakeAnswer {
  /** Whether every charge that is not a shadow was allowed, and so all that have room were counted. */
  readonly admitted: boolean;
  /** One for each charge, in their order. */
  readonly outcomes: readonly Outcome[];
  /** One for each charge that was counted. */
  readonly receipts: readonly Receipt[];
  /** A refusal that nobody else's settlement can shorten, so that it may be remembered. */
  readonly final: boolean;
}

/**
 * What keeps the counts. An adapter makes `take` atomic; it does no rate arithmetic of its own. An adapter
 * rejects when it cannot answer; a refusal is an answer. Nothing that counts is ever retried.
 */
export interface Store {
  /**
   * Counts every charge or, when one that is not a shadow has no room, none.
   *
   * @param tentative another store decides too, and may make this admission be given back
   */
  take(charges: readonly StoreCharge[], deadline: Deadline, tentative?: boolean): Promise<TakeAnswer>;
  /**
   * Replaces the cost of admissions by the true one: 0 gives all of it back. Once for each receipt.
   * Returns how the settled quotas stand, in the order of the settlements: undefined where a store did not answer, or the
   * settlement was void because an operator reset the quota meanwhile.
   */
  settle(settlements: readonly Settlement[], deadline: Deadline): Promise<readonly (Standing | undefined)[]>;
}

/**
 * What operators do. Adapters have it beside `take` and `settle`; the layers in front of them do not. Each rejects when the
 * store does not answer, or the time is up; an edit may then have been made all the same. None is ever repeated.
 */
export interface Administration {
  /** How each charge's key stands under its quota, in their order. Changes nothing. */
  peek(charges: readonly Charge[], deadline: Deadline): Promise<readonly KeyStanding[]>;
  /**
   * Forgets what was counted of these charges, and that their keys are locked out; overrides stay. What was admitted before
   * can no longer be settled, nor be given back.
   */
  reset(charges: readonly Charge[], deadline: Deadline): Promise<void>;
  /** Gives quotas of keys another limit, each until an instant, or ends that: what was counted stands. */
  override(overrides: readonly OverrideEdit[], deadline: Deadline): Promise<void>;
}
