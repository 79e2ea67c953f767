import type { AdminRequest } from "../limit/administer.ts";
import type { Charge, Decision, KeyStanding, Receipt, Standing } from "../limit/charge.ts";
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

/** How the settled quotas stand now, in the order of the settlements; undefined for those that a reset made void. */
export type SettleReply = readonly (Standing | undefined)[];

/** Sent as it is: operators ask seldom. */
export type AdminMessage = { readonly format: typeof MESSAGE_FORMAT } & AdminRequest;

/** How the quotas stand afterwards, in the order of the charges. */
export type AdminReply = {
  readonly format: typeof MESSAGE_FORMAT;
  readonly standings: readonly KeyStanding[];
};

/** What a counter object answers over RPC. */
export interface Counter {
  take(message: TakeMessage): TakeReply | Promise<TakeReply>;
  settle(message: SettleMessage): SettleReply | Promise<SettleReply>;
}

/** What it does for operators. An object of a release without it rejects. */
export interface CounterAdministration {
  administer(message: AdminMessage): AdminReply | Promise<AdminReply>;
}
