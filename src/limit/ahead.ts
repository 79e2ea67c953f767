import type { Ahead, Charge, Decision, Receipt } from "./charge.ts";
import { CONCURRENCY, type Quota, withLimit } from "./quota.ts";
import { sliceEnd } from "./sliding-window.ts";

/** What is wanted beyond a charge's cost. Only a sliding-window log can count something from a later instant on. */
export function aheadOf({ ahead, quota: { algorithm } }: Charge): Ahead | undefined {
  return isLog(algorithm) ? ahead : undefined;
}

const isLog = (algorithm: Quota["algorithm"]): boolean =>
  algorithm === "sliding-window" || algorithm === CONCURRENCY;

/** What an admission leaves in the caller's hand. */
export function receiptOf(charge: Charge, { permits = 0, nowMs, limit }: Decision, epoch: number): Receipt {
  const quota = limit === undefined ? charge.quota : withLimit(charge.quota, limit);
  return {
    charge: permits > 0 ? { ...charge, cost: charge.cost + permits } : charge,
    epoch,
    // Where the log has it, so that what is given back is found again and not another's.
    timeMs: isLog(quota.algorithm) ? sliceEnd(quota, nowMs, aheadOf(charge)?.holdMs ?? 0) : nowMs,
    ...(limit !== undefined && { limit }),
  };
}
