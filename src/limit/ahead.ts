import type { Ahead, Charge, Decision, Receipt } from "./charge.ts";
import { CONCURRENCY } from "./quota.ts";

/** What is wanted beyond a charge's cost. Only a sliding-window log can count something from a later instant on. */
export function aheadOf({ ahead, quota: { algorithm } }: Charge): Ahead | undefined {
  return algorithm === "sliding-window" || algorithm === CONCURRENCY ? ahead : undefined;
}

/** What an admission leaves in the caller's hand. */
export function receiptOf(charge: Charge, { permits = 0, nowMs }: Decision, epoch: number): Receipt {
  return {
    charge: permits > 0 ? { ...charge, cost: charge.cost + permits } : charge,
    epoch,
    timeMs: nowMs + (aheadOf(charge)?.holdMs ?? 0),
  };
}
