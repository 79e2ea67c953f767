import { CONCURRENCY, type Quota } from "../../../src/limit/quota.ts";

/** A quota with what one request costs under it. */
export interface Costed {
  readonly quota: Quota;
  readonly cost: number;
}

/**
 * Whether a quota refuses whatever another one of the same key and the same requests would: then the other can never
 * bind. Slices of large sliding windows are left out of account: they move a refusal by 0.8 % of a window.
 */
export function dominates(one: Costed, other: Costed): boolean {
  const isCounted = [one, other].every(({ quota }) => quota.algorithm !== CONCURRENCY);
  if (!isCounted || one.quota.algorithm !== other.quota.algorithm) return false;
  if (one.quota.algorithm === "token-bucket") return dominatesBucket(one, other);
  return mostRequests(one, other.quota.windowMs) <= Math.floor(other.quota.limit / other.cost);
}

/** A bucket that is no larger and fills no faster is always the emptier one. */
function dominatesBucket(one: Costed, other: Costed): boolean {
  const burst = ({ quota, cost }: Costed) => quota.burst / cost;
  const pace = ({ quota, cost }: Costed) => quota.limit / cost / quota.windowMs;
  return burst(one) <= burst(other) && pace(one) <= pace(other);
}

/** The most requests that a quota lets through in any span of this length (of the clock, for fixed windows). */
function mostRequests({ quota, cost }: Costed, spanMs: number): number {
  const { algorithm, limit, windowMs } = quota;
  const perWindow = Math.floor(limit / cost);
  if (algorithm !== "fixed-window") return perWindow * Math.ceil(spanMs / windowMs);
  const isNested = spanMs % windowMs === 0 || windowMs % spanMs === 0;
  return perWindow * (Math.ceil(spanMs / windowMs) + (isNested ? 0 : 1));
}
