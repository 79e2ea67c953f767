import type { Quota } from "./quota.ts";

/** One quota applied to one key with a cost. A request produces a list of charges. */
export interface Charge {
  /** Digest of the caller's key. Charges with the same key are kept together. */
  readonly key: string;
  /** Which count under that key: policy, algorithm and window. */
  readonly count: string;
  readonly quota: Quota;
  /** A whole number, at least 1. */
  readonly cost: number;
  /** Decided and counted, but never a reason to refuse. */
  readonly shadow: boolean;
  /** To be on disk before it is admitted. */
  readonly durable: boolean;
}

/** How a quota stands at an instant, all by the store's clock. */
export interface Standing {
  /** Units the quota can still admit now. */
  readonly remaining: number;
  /** Milliseconds until `remaining` grows; 0 when the quota is whole. */
  readonly moreRoomMs: number;
  /** Milliseconds until the quota is whole again; 0 when it is. */
  readonly resetMs: number;
  /** The store's instant, epoch milliseconds. */
  readonly nowMs: number;
}

/** The answer for one charge. A refusal is data, not an error. */
export interface Decision extends Standing {
  /** Whether this quota had room for the cost (another quota of the same take may still have refused). */
  readonly allowed: boolean;
  /** Milliseconds until the same cost fits: 0 when allowed, Infinity when it exceeds the quota's capacity. */
  readonly retryAfterMs: number;
}

/** What an admission leaves in the caller's hand, to settle it later. Good for one settlement. */
export interface Receipt {
  readonly charge: Charge;
  /** Generation of the key's state; a settlement of an earlier generation is void. */
  readonly epoch: number;
  /** The store's instant of the admission, epoch milliseconds. */
  readonly timeMs: number;
}
