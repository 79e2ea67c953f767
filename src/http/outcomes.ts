import type { NamedQuota, Policy } from "../config/config.ts";
import type { PolicyCharge } from "../key/charges.ts";
import type { Receipt } from "../limit/charge.ts";
import { CONCURRENCY, withLimit } from "../limit/quota.ts";
import type { Slots } from "../store/slots.ts";
import type { Outcome, StoreCharge, TakeAnswer } from "../store/store.ts";
import type { Applied } from "./verdict.ts";

/** An admission whose cost the response may still change. */
export interface Provisional {
  readonly policy: Policy;
  readonly receipt: Receipt;
}

/** What callers are told of: shadow policies are not. A quota with another limit for this key is shown with that. */
export function advertised(
  charges: readonly PolicyCharge[],
  { outcomes }: TakeAnswer,
  slots: Pick<Slots, "expectedWaitMs">,
): Applied[] {
  return charges.flatMap(({ quota, charge }, i) => {
    const outcome = outcomes[i];
    if (charge.shadow || !outcome) return [];
    return [{ quota: inForce(quota, outcome), key: charge.key, outcome: estimated(outcome, charge, slots) }];
  });
}

function inForce(named: NamedQuota, outcome: Outcome): NamedQuota {
  const limit = outcome.kind === "decided" ? outcome.decision.limit : undefined;
  if (limit === undefined) return named;
  const text = named.text.replace(
    /^\d+( concurrent)? (\w+?)s?\b/,
    (_, concurrent = "", what) => `${limit}${concurrent} ${what}${limit === 1 ? "" : "s"}`,
  );
  return { ...named, text, quota: withLimit(named.quota, limit) };
}

/** The store knows when a slot expires at the latest; it is given back when what holds it is over. */
function estimated(
  outcome: Outcome,
  { count, quota }: StoreCharge,
  slots: Pick<Slots, "expectedWaitMs">,
): Outcome {
  const isDecision = outcome.kind === "decided" || outcome.kind === "local";
  if (quota.algorithm !== CONCURRENCY || !isDecision || outcome.decision.lockedOut) return outcome;
  const { limit = quota.limit } = outcome.decision;
  // Of a key that is blocked nothing is free before the block ends.
  if (limit === 0) return outcome;
  const waitMs = slots.expectedWaitMs(count, limit);
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
