import type { Quota } from "./quota.ts";

/** After `refusals` of them within `withinMs`, a key is refused for `durationMs`. All are whole numbers, at least 1. */
export interface Lockout {
  /** Which lockout under the key: one for each policy. No count has this id, and it has no white space. */
  readonly id: string;
  readonly refusals: number;
  readonly withinMs: number;
  readonly durationMs: number;
}

/** Permits: admissions wanted beyond a charge's own cost, for later use. */
export interface Ahead {
  /** As many as this, as far as they are at most half of what remains: others ask as well. */
  readonly units: number;
  /** How long they may be used. All of the admission counts as used at the end of it, whenever it was. */
  readonly holdMs: number;
}

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
  /** What too many refusals lead to. The same for all charges of a policy, which count as one refusal together. */
  readonly lockout?: Lockout | undefined;
  /** Its cost may be settled afterwards, so a refusal is not final. */
  readonly provisional?: boolean | undefined;
  /** Only a sliding window and concurrency heed it. */
  readonly ahead?: Ahead | undefined;
}

/** How a quota stands at an instant, all by the store's clock. Of a key that is locked out it has no room until the end. */
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
  /** Units beyond the cost that this quota admits, if the take is. Present only where some were wanted and can be had. */
  readonly permits?: number;
  /** Refused because the key is locked out. Present only when it is. */
  readonly lockedOut?: boolean;
  /** The limit that an operator's override puts in place of the quota's. Present only while one is in force. */
  readonly limit?: number;
}

/** How a key stands under a quota, as operators see it. */
export interface KeyStanding extends Standing {
  /** The limit in force: an override's, or the quota's. */
  readonly limit: number;
  /** When the override ends, epoch milliseconds by the store's clock. Present only while one is in force. */
  readonly overriddenUntilMs?: number;
  /** How long the key is still locked out, milliseconds; 0 when it is not. */
  readonly lockedMs: number;
  /** Milliseconds until one unit fits; 0 when it does now. */
  readonly retryAfterMs: number;
}

/** What an admission leaves in the caller's hand, to settle it later. Good for one settlement. */
export interface Receipt {
  /** Its cost is all that was admitted, permits included. */
  readonly charge: Charge;
  /** Generation of the key's state; a settlement of an earlier generation is void. */
  readonly epoch: number;
  /** The instant that the admission is written at, by the store, epoch milliseconds: of a log the end of a slice. */
  readonly timeMs: number;
  /** The limit of an override that it was admitted by. Present only when one was in force. */
  readonly limit?: number;
  /** Counted by this isolate alone, while the store was away. */
  readonly isLocal?: boolean;
}
