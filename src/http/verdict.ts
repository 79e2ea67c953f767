import type { NamedQuota } from "../config/config.ts";
import type { Decision } from "../limit/charge.ts";
import type { Outcome } from "../store/store.ts";

/** A quota that applied to a request, and what became of it. */
export interface Applied {
  readonly quota: NamedQuota;
  /** Digest of the caller's key. */
  readonly key: string;
  readonly outcome: Outcome;
}

/** An applied quota with the decision about it. */
export interface Decided extends Applied {
  readonly decision: Decision;
}

/** The quotas that the store decided: only of these are numbers sent. */
export function decidedByStore(applied: readonly Applied[]): Decided[] {
  return applied.flatMap((one) =>
    one.outcome.kind === "decided" ? [{ ...one, decision: one.outcome.decision }] : [],
  );
}

/** The quotas that refused, by whosever count. */
export function refusals<A extends Applied>(applied: readonly A[]): (A & Decided)[] {
  return applied.flatMap((one) => {
    const { outcome } = one;
    const isRefusal = (outcome.kind === "decided" || outcome.kind === "local") && !outcome.decision.allowed;
    return isRefusal ? [{ ...one, decision: outcome.decision }] : [];
  });
}

/** The refusal that keeps the caller waiting longest. */
export function longestRefusal(applied: readonly Applied[]): Decided | undefined {
  return first(refusals(applied), (one, other) => other.decision.retryAfterMs - one.decision.retryAfterMs);
}

/** The most restrictive quota: the refusal with the longest wait, else the one with the least remaining. */
export function mostRestrictive(applied: readonly Applied[]): Decided | undefined {
  const decided = decidedByStore(applied);
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
  let found = list[0];
  // Two endless waits differ by NaN: they are equal.
  for (const one of list) if (found && order(one, found) < 0) found = one;
  return found;
}

/**
 * Whole seconds until the same request is admitted, at least 1; undefined when it never is. Jitter adds
 * up to a tenth, at most 5 seconds, always the same for a key, so that callers do not return together.
 */
export function retryAfterSeconds(applied: readonly Applied[], jitter: boolean): number | undefined {
  const refusal = longestRefusal(applied);
  if (!refusal || refusal.decision.retryAfterMs === Number.POSITIVE_INFINITY) return undefined;
  const waitMs = refusal.decision.retryAfterMs;
  const extraMs = jitter ? Math.min(waitMs / 10, 5_000) * fractionOf(refusal.key) : 0;
  return Math.max(1, Math.ceil((waitMs + extraMs) / 1_000));
}

/** A number from 0 up to 1 that depends only on the text (FNV-1a). */
function fractionOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  return (hash >>> 0) / 2 ** 32;
}
