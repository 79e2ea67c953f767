import type { Policy } from "../config/config.ts";
import type { PolicyCharge } from "../key/charges.ts";
import type { Receipt } from "../limit/charge.ts";
import { CONCURRENCY } from "../limit/quota.ts";
import type { Slots } from "../store/slots.ts";
import type { Outcome, StoreCharge, TakeAnswer } from "../store/store.ts";
import type { Applied } from "./verdict.ts";

/** An admission whose cost the response may still change. */
export interface Provisional {
  readonly policy: Policy;
  readonly receipt: Receipt;
}

/** What callers are told of: shadow policies are not. */
export function advertised(
  charges: readonly PolicyCharge[],
  { outcomes }: TakeAnswer,
  slots: Pick<Slots, "expectedWaitMs">,
): Applied[] {
  return charges.flatMap(({ quota, charge }, i) => {
    const outcome = outcomes[i];
    if (charge.shadow || !outcome) return [];
    return [{ quota, key: charge.key, outcome: estimated(outcome, charge, slots) }];
  });
}

/** The store knows when a slot expires at the latest; it is given back when what holds it is over. */
function estimated(
  outcome: Outcome,
  { count, quota }: StoreCharge,
  slots: Pick<Slots, "expectedWaitMs">,
): Outcome {
  const isDecision = outcome.kind === "decided" || outcome.kind === "local";
  if (quota.algorithm !== CONCURRENCY || !isDecision || outcome.decision.lockedOut) return outcome;
  const waitMs = slots.expectedWaitMs(count, quota.limit);
  const sooner = (ms: number) => (ms === 0 || ms === Number.POSITIVE_INFINITY ? ms : waitMs);
  const { retryAfterMs, moreRoomMs, resetMs } = outcome.decision;
  const times = {
    retryAfterMs: sooner(retryAfterMs),
    moreRoomMs: sooner(moreRoomMs),
    resetMs: resetMs === 0 ? 0 : slots.expectedWaitMs(count, 1),
  };
  return { ...outcome, decision: { ...outcome.decision, ...times } };
}

/** Receipts tell their count, and a count belongs to one policy. */
export function provisional(charges: readonly PolicyCharge[], { receipts }: TakeAnswer): Provisional[] {
  const open = charges.filter(({ charge }) => charge.provisional && charge.quota.algorithm !== CONCURRENCY);
  if (open.length === 0) return [];
  const policies = new Map(open.map(({ policy, charge }) => [charge.count, policy]));
  return receipts.flatMap((receipt) => {
    const policy = policies.get(receipt.charge.count);
    return policy ? [{ policy, receipt }] : [];
  });
}
