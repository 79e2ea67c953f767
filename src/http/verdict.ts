import type { NamedQuota } from "../config/config.ts";
import type { Charge, Decision } from "../limit/charge.ts";

/** A quota that applied to a request, and what was decided of it: undefined when it was not asked. */
export interface Applied {
  readonly quota: NamedQuota;
  readonly charge: Charge;
  readonly decision: Decision | undefined;
}

/** An applied quota that was decided. */
export interface Decided extends Applied {
  readonly decision: Decision;
}

export const isDecided = (applied: Applied): applied is Decided => applied.decision !== undefined;

/** The quota that keeps the caller waiting longest, among those that refused. */
export function longestRefusal(applied: readonly Applied[]): Decided | undefined {
  const refused = applied.filter(isDecided).filter(({ decision }) => !decision.allowed);
  return first(refused, (one, other) => other.decision.retryAfterMs - one.decision.retryAfterMs);
}

/** The most restrictive quota: the refusal with the longest wait, else the one with the least remaining. */
export function mostRestrictive(applied: readonly Applied[]): Decided | undefined {
  const decided = applied.filter(isDecided);
  return (
    longestRefusal(decided) ??
    first(decided, (one, other) => one.decision.remaining - other.decision.remaining)
  );
}

/** The first in order; ties go to the earlier in the configuration. */
function first(
  list: readonly Decided[],
  order: (one: Decided, other: Decided) => number,
): Decided | undefined {
  return list.toSorted((one, other) => order(one, other) || 0)[0];
}

/**
 * Whole seconds until the same request is admitted, at least 1; undefined when it never is. Jitter adds
 * up to a tenth, at most 5 seconds, always the same for a key, so that callers do not return together.
 */
export function retryAfterSeconds(applied: readonly Applied[], jitter: boolean): number | undefined {
  const refusal = longestRefusal(applied);
  if (!refusal || refusal.decision.retryAfterMs === Number.POSITIVE_INFINITY) return undefined;
  const waitMs = refusal.decision.retryAfterMs;
  const extraMs = jitter ? Math.min(waitMs / 10, 5_000) * fractionOf(refusal.charge.key) : 0;
  return Math.max(1, Math.ceil((waitMs + extraMs) / 1_000));
}

/** A number from 0 up to 1 that depends only on the digest. */
function fractionOf(digest: string): number {
  let hash = 0;
  for (const character of digest) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) >>> 0;
  return hash / 2 ** 32;
}
