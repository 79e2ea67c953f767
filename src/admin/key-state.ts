import type { NamedQuota } from "../config/config.ts";
import type { KeyStanding } from "../limit/charge.ts";
import { CONCURRENCY } from "../limit/quota.ts";
import type { Target } from "./target.ts";

/** How a caller stands under one quota, as JSON has it. */
interface State {
  readonly name: string;
  /** The one in force. */
  readonly limit: number;
  readonly remaining: number;
  /** Until all of it is there again. */
  readonly reset_seconds: number;
  readonly window_seconds?: number;
  /** Until one fits; only when none does now. */
  readonly retry_after_seconds?: number;
  /** ISO 8601. */
  readonly overridden_until?: string;
  readonly configured_limit?: number;
}

export function stateOf({ name, quota }: NamedQuota, standing: KeyStanding): State {
  const { limit, remaining, resetMs, retryAfterMs, overriddenUntilMs } = standing;
  return {
    name,
    limit,
    remaining,
    reset_seconds: seconds(resetMs),
    ...(quota.algorithm !== CONCURRENCY && { window_seconds: quota.windowMs / 1_000 }),
    ...(remaining === 0 && { retry_after_seconds: Math.max(1, seconds(retryAfterMs)) }),
    ...(overriddenUntilMs !== undefined && {
      overridden_until: isoTime(overriddenUntilMs),
      configured_limit: quota.limit,
    }),
  };
}

/** @param standings one for each quota of the target, in their order */
export function keyStateOf({ policy, key, quotas }: Target, standings: readonly KeyStanding[]) {
  return {
    policy: policy.name,
    key,
    mode: policy.mode,
    states: quotas.flatMap((quota, i) => {
      const standing = standings[i];
      return standing ? [stateOf(quota, standing)] : [];
    }),
    locked_out_seconds: seconds(Math.max(0, ...standings.map(({ lockedMs }) => lockedMs))),
  };
}

const seconds = (ms: number): number => Math.ceil(ms / 1_000);

/** ISO 8601, with milliseconds only where there are some. */
export const isoTime = (ms: number): string => new Date(ms).toISOString().replace(".000Z", "Z");
