import type { NamedQuota, Policy } from "../../../src/config/config.ts";
import { LeasePlan } from "../../../src/store/lease-plan.ts";
import { type Advice, about, active, type PlacedPolicy, type Rule } from "./advice.ts";
import { quotasOf } from "./algorithms.ts";

/** From here on one caller's requests are worth deciding without a call for each. Per minute. */
const HOT_PER_MINUTE = 1_000;

/** Leases that would pay, with what they cost, and leases that hold nothing. */
export const leases: Rule = (linted) =>
  active(linted).flatMap((placed) => {
    const quotas = quotasOf(placed.policy);
    const unheld = quotas.find(({ quota }) => !canBeHeld(quota));
    if (placed.policy.lease) return unheld ? [noEffect(placed, unheld)] : [];
    const hot = quotas.find(({ quota }) => isHot(quota));
    return hot && !unheld && canBeLeased(placed.policy) ? [leaseAdvice(placed, hot)] : [];
  });

const isHot = ({ limit, windowMs }: NamedQuota["quota"]): boolean =>
  (limit / windowMs) * 60_000 > HOT_PER_MINUTE;

const canBeHeld = (quota: NamedQuota["quota"]): boolean =>
  LeasePlan.isFor(quota) && LeasePlan.largestBatch(quota) >= 1;

/** Of the others the configuration would refuse `lease`: the store has to see every one of their requests. */
const canBeLeased = ({ on, count, cost, lockout }: Policy): boolean =>
  on !== "message" && !count && !lockout && !cost.kind.startsWith("response-");

function leaseAdvice(placed: PlacedPolicy, { text, quota }: NamedQuota): Advice {
  const batch = LeasePlan.largestBatch(quota);
  const held = seconds(LeasePlan.longestHoldMs(quota));
  return about(placed, "lease", "lease")(
    `"${text}" for one key asks the store for each of these requests`,
    `a caller this busy waits for a call each time, and its object or Redis key is a hot spot; with lease = true each isolate takes admissions ahead (of these at most ${batch} at a time), ` +
      `holds them for at most ${held} and decides without a call. That costs room: all of them count from the moment they are taken until a window after that time, also those that it does not use`,
    "set lease = true where single callers really come near this limit",
  );
}

const noEffect = (placed: PlacedPolicy, { text, quota }: NamedQuota): Advice =>
  about(placed, "lease-without-effect", "lease")(
    `"${text}" cannot be held ahead, so every request asks the store all the same`,
    LeasePlan.isFor(quota)
      ? "at most a twentieth of a limit is taken ahead at a time, and of this one that is less than 1"
      : "its window is too short: holding would cost too much of it",
    "remove lease, or choose a longer window with a larger limit",
  );

/** Rounded up: what is said to be the longest is. */
const seconds = (ms: number): string => `${Math.ceil(ms / 100) / 10} second${ms === 1_000 ? "" : "s"}`;
