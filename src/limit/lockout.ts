import type { Charge, Decision, Lockout } from "./charge.ts";
import { type KeyRecord, storedState, withCount } from "./key-record.ts";
import type { Quota } from "./quota.ts";
import { isTime } from "./rules.ts";
import { type SlidingWindowState, slidingWindow } from "./sliding-window.ts";

/**
 * What a key's record keeps of a lockout, flattened: `[lockedUntilMs, time, refusals, time, refusals, ...]`. The refusals
 * are a sliding-window log, so they are counted exactly up to 128; more may count 0.8 % of the window longer.
 */
interface LockoutState {
  /** 0 while the key is not locked out. */
  readonly lockedUntilMs: number;
  /** None once the key is locked out: after the end counting starts afresh. */
  readonly refusals: SlidingWindowState;
}

const EMPTY: LockoutState = { lockedUntilMs: 0, refusals: [] };

interface Refusal {
  readonly key: string;
  readonly lockout: Lockout;
}

/** Milliseconds until the key's lockout ends; 0 when it is not locked out. */
export function lockedMs(record: KeyRecord, { id }: Lockout, nowMs: number): number {
  return Math.max(0, read(storedState(record, id, nowMs)).lockedUntilMs - nowMs);
}

/** The refusals of a take that count: one for each key and lockout of which a quota refused, however many did. */
export function refusalsOf(charges: readonly Charge[], decisions: readonly Decision[]): Refusal[] {
  const refusals = charges.flatMap(({ key, lockout }, i) => {
    const decision = decisions[i];
    return lockout && !decision?.allowed && !decision?.lockedOut ? [{ key, lockout }] : [];
  });
  return refusals.filter(({ key, lockout: { id } }, i) => {
    const first = refusals.findIndex((other) => other.key === key && other.lockout.id === id);
    return first === i;
  });
}

/** The record with one refusal more, which locks the key out when it is one too many. Only for a key that is not. */
export function withRefusal(record: KeyRecord, lockout: Lockout, nowMs: number): KeyRecord {
  const { id, durationMs } = lockout;
  const quota = refusalQuota(lockout);
  const { refusals } = read(storedState(record, id, nowMs));
  if (slidingWindow.remaining(refusals, quota, nowMs) <= 1) {
    const untilMs = nowMs + durationMs;
    return withCount(record, id, { untilMs, state: [untilMs] }, nowMs);
  }
  const counted = slidingWindow.add(refusals, quota, 1, nowMs);
  const untilMs = slidingWindow.emptyAtMs(counted, quota);
  return withCount(record, id, { untilMs, state: [0, ...counted] }, nowMs);
}

const refusalQuota = ({ refusals: limit, withinMs: windowMs }: Lockout): Quota => ({
  algorithm: "sliding-window",
  limit,
  windowMs,
  burst: limit,
});

function read(stored: unknown): LockoutState {
  if (!Array.isArray(stored)) return EMPTY;
  const [lockedUntilMs, ...entries] = stored as unknown[];
  const refusals = slidingWindow.read(entries);
  const isState = isTime(lockedUntilMs) && refusals.length === entries.length;
  return isState ? { lockedUntilMs, refusals } : EMPTY;
}
