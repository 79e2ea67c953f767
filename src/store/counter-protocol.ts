import type { Charge, Decision, Receipt, Standing } from "../limit/charge.ts";
import type { Settlement } from "../limit/settle.ts";

/** Stands in every message between Worker and object: they may be of two releases during a deployment. */
export const MESSAGE_FORMAT = 1;

/** Charges of one key object. */
export interface TakeMessage {
  readonly format: typeof MESSAGE_FORMAT;
  readonly charges: readonly Charge[];
  /** How long this admission may still be given back, because another object decides too; 0 when none does. */
  readonly tentativeMs: number;
}

export interface TakeReply {
  readonly admitted: boolean;
  readonly decisions: readonly Decision[];
  readonly receipts: readonly Receipt[];
  readonly final: boolean;
}

export interface SettleMessage {
  readonly format: typeof MESSAGE_FORMAT;
  readonly settlements: readonly Settlement[];
}

/** How the settled quotas stand now, in the order of the settlements. */
export type SettleReply = readonly Standing[];

/** What a counter object answers over RPC. */
export interface Counter {
  take(message: TakeMessage): TakeReply | Promise<TakeReply>;
  settle(message: SettleMessage): SettleReply | Promise<SettleReply>;
}
