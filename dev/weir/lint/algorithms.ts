import type { NamedQuota, Policy } from "../../../src/config/config.ts";
import { type Advice, about, active, type PlacedPolicy, type Rule } from "./advice.ts";

/** What fixed windows let through around a boundary. */
export const fixedWindow: Rule = (linted) =>
  active(linted).flatMap((placed) =>
    quotasOf(placed.policy)
      .filter(({ quota }) => quota.algorithm === "fixed-window")
      .slice(0, 1)
      .map(({ quota, text }) =>
        about(placed, "fixed-window", "algorithm")(
          `"${text}" lets ${2 * quota.limit} through within a moment around a boundary`,
          "windows follow the clock: the old one may be used up in its last second and the new one in its first, by all callers at once",
          `use the default, "sliding-window", which holds in any span; or halve the limit`,
        ),
      ),
  );

/** From here on one caller's requests are worth deciding without a call for each. Per minute. */
const HOT_PER_MINUTE = 1_000;

/** The longest that an isolate holds permits, milliseconds, and the part of a window. */
const MAX_HOLD_MS = 10_000;
const HOLD_SHARE = 1 / 6;

export const leases: Rule = (linted) =>
  active(linted).flatMap((placed) => {
    const { policy } = placed;
    if (policy.on === "message" || isLeased(policy)) return [];
    const hot = quotasOf(policy).find(({ quota }) => isHot(quota));
    return hot ? [leaseAdvice(placed, hot)] : [];
  });

function isHot({ algorithm, limit, windowMs }: NamedQuota["quota"]): boolean {
  return algorithm === "sliding-window" && (limit / windowMs) * 60_000 > HOT_PER_MINUTE;
}

function leaseAdvice(placed: PlacedPolicy, { text, quota }: NamedQuota): Advice {
  const holdMs = Math.min(MAX_HOLD_MS, quota.windowMs * HOLD_SHARE);
  return about(placed, "lease", "lease")(
    `"${text}" for one key asks the store for each of these requests`,
    `a caller this busy waits for a call each time, and its object or Redis key is a hot spot; with lease = true isolates hold permits and ` +
      `decide without a call. That costs room: what an isolate holds and does not use lies idle for at most ${seconds(holdMs)}, and counts until a window after that`,
    "set lease = true where single callers really come near this limit",
  );
}

const seconds = (ms: number): string => `${ms / 1_000} second${ms === 1_000 ? "" : "s"}`;

const isLeased = (policy: Policy): boolean => "lease" in policy && policy.lease === true;

function quotasOf({ limits }: Policy): readonly NamedQuota[] {
  return limits.kind === "fixed" ? limits.quotas : [...limits.rows.values(), limits.rest].flat();
}
