import type { QuotaTally } from "./tallies.ts";

/** The shares that limits are worked out for. */
export const SHARES = [0.001, 0.01, 0.05] as const;

/** What a quota's limit would have to be, window and algorithm kept, to refuse at most a share. */
export interface NeededLimit {
  readonly share: number;
  /** So that at most this share of callers is ever refused. */
  readonly callers: number;
  /**
   * So that at most this share of requests is refused: somewhere from `atLeast` to `atMost`, which surely does. What is refused
   * is not counted, so the exact number depends on the order of things.
   */
  readonly requests: { readonly atLeast: number; readonly atMost: number };
}

/**
 * Works out limits from what callers would have used, had nothing been refused.
 *
 * A sliding window refuses a caller exactly when its peak, the most in any trailing window, is above the limit. It refuses at
 * most the requests whose own rank in the trailing window is above the limit (counting refused ones makes ranks larger), and at
 * least what each window of the clock has above it (that much cannot have been let through). A token bucket refuses no more, and
 * a fixed window exactly what its windows have above the limit.
 *
 * Undefined where limits say little: nothing was asked, or a bucket's burst is smaller than its limit.
 */
export function neededLimits(tally: QuotaTally): NeededLimit[] | undefined {
  const { algorithm, burst, limit } = tally.quota.quota;
  if (tally.requests === 0 || (algorithm === "token-bucket" && burst < limit)) return undefined;
  return SHARES.map((share) => {
    const refused = Math.floor(share * tally.requests);
    const atMost = Math.max(1, tally.ranks.limitForTail(refused));
    return {
      share,
      callers: Math.max(1, tally.callers.limitFor(share)),
      requests: { atLeast: atLeast(tally, refused, atMost), atMost },
    };
  });
}

/** Buckets may let the burst through in any window, and costs that differ say nothing about numbers of requests. */
function atLeast({ quota, policy, clockWindows }: QuotaTally, refused: number, atMost: number): number {
  const { cost } = policy.policy;
  if (quota.quota.algorithm === "token-bucket" || cost.kind !== "fixed") return 1;
  return Math.min(atMost, Math.max(1, clockWindows.limitForExcess(refused * cost.units)));
}
