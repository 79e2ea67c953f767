import { aheadOf } from "../limit/ahead.ts";
import type { Charge, Decision, KeyStanding, Standing } from "../limit/charge.ts";
import type { OverrideEdit } from "../limit/override.ts";
import type { Quota } from "../limit/quota.ts";
import type { Settlement } from "../limit/settle.ts";

/** What scripts are given, and what they answer: see `scripts/`. */
export type Args = (string | number)[];

/** Numbers of a reply for each decision, and for each standing as callers and as operators see it. */
export const PER_DECISION = 10;
export const PER_STANDING = 4;
export const PER_KEY_STANDING = 8;

const LETTERS: { readonly [A in Quota["algorithm"]]: string } = {
  "sliding-window": "s",
  "token-bucket": "t",
  "fixed-window": "f",
  // Kept alike: what it is refused and given back for is not the script's to know.
  concurrency: "s",
};
/** What the scripts read for a charge without a lockout. */
const NO_LOCKOUT = "-";
/** Of a charge that wants no permits. */
const NO_AHEAD = { units: -1, holdMs: 0 };
/** Where there is no override, and in place of what remains where a settlement was void. */
const NONE = -1;

function chargeArgs({ key, count, quota, cost, lockout }: Charge, keys: readonly string[]): Args {
  const { algorithm, limit, windowMs, burst } = quota;
  return [
    keys.indexOf(key) + 1,
    count,
    LETTERS[algorithm],
    limit,
    windowMs,
    burst,
    cost,
    lockout?.id ?? NO_LOCKOUT,
  ];
}

export function takeArgs(charge: Charge, keys: readonly string[]): Args {
  const { refusals = 0, withinMs = 0, durationMs = 0 } = charge.lockout ?? {};
  const { units, holdMs } = aheadOf(charge) ?? NO_AHEAD;
  return [...chargeArgs(charge, keys), charge.shadow ? 1 : 0, refusals, withinMs, durationMs, units, holdMs];
}

export function settlementArgs({ receipt, cost }: Settlement, keys: readonly string[]): Args {
  const { charge, epoch, timeMs, limit = NONE } = receipt;
  return [...chargeArgs(charge, keys), epoch, timeMs, cost, limit];
}

export const editArgs = (
  { charge, limit = NONE, untilMs = 0 }: Pick<OverrideEdit, "charge"> & Partial<OverrideEdit>,
  keys: readonly string[],
): Args => [...chargeArgs(charge, keys), limit, untilMs];

/** Throws when a reply is anything else. */
export function wholeNumbers(reply: unknown): number[] {
  if (!Array.isArray(reply) || !reply.every(Number.isSafeInteger))
    throw new Error("unexpected reply of the script");
  return reply;
}

/** The decision, and the epoch that it was made in. */
export function readDecision(numbers: readonly number[]): { decision: Decision; epoch: number } {
  const [allowed, wait = 0, lockedOut, ...rest] = numbers;
  const [permits = NONE, limit = NONE, epoch = 0] = rest.slice(PER_STANDING);
  const decision = {
    allowed: allowed === 1,
    retryAfterMs: wait < 0 ? Number.POSITIVE_INFINITY : wait,
    ...(lockedOut === 1 && { lockedOut: true }),
    ...standingOf(rest),
    ...(permits >= 0 && { permits }),
    ...(limit >= 0 && { limit }),
  };
  return { decision, epoch };
}

/** Undefined when the settlement was void. */
export function readSettled(numbers: readonly number[]): Standing | undefined {
  return numbers[0] === NONE ? undefined : standingOf(numbers);
}

export function readKeyStanding(numbers: readonly number[]): KeyStanding {
  const [limit = 0, untilMs = NONE, lockedMs = 0, retryAfterMs = 0] = numbers.slice(PER_STANDING);
  return {
    ...standingOf(numbers),
    limit,
    ...(untilMs >= 0 && { overriddenUntilMs: untilMs }),
    lockedMs,
    retryAfterMs,
  };
}

function standingOf([remaining = 0, moreRoomMs = 0, resetMs = 0, nowMs = 0]: readonly number[]): Standing {
  return { remaining, moreRoomMs, resetMs, nowMs };
}
