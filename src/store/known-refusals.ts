import type { Charge, Decision } from "../limit/charge.ts";
import { BoundedMap } from "./bounded-map.ts";

const MAX_ENTRIES = 10_000;
const MAX_BYTES = 8 * 2 ** 20;
/** Of an entry without the letters of its key: measured, and rounded up. */
const ENTRY_BYTES = 600;

interface Known {
  readonly decision: Decision;
  /** The least cost known to be refused. */
  readonly cost: number;
  readonly askedMs: number;
  readonly receivedMs: number;
  /** How old it may become. */
  readonly maxAgeMs: number;
}

/** Refusals of the store that this isolate remembers, by key, quota and cost. Bounded. */
export interface KnownRefusals {
  /** @param maxAgeMs for how long after the asking it may be believed, when that is less than it lasts */
  remember(charge: Charge, decision: Decision, askedMs: number, maxAgeMs?: number): void;
  /** The refusal as the store would give it now, if one was given at most `horizonMs` ago and still holds. */
  find(charge: Charge, horizonMs: number): Decision | undefined;
}

export function createKnownRefusals(now: () => number): KnownRefusals {
  const refusals = new BoundedMap<string, Known>(MAX_ENTRIES, MAX_BYTES, (key) => ENTRY_BYTES + key.length);
  return {
    remember(charge, decision, askedMs, maxAgeMs = Number.POSITIVE_INFINITY) {
      const known = { decision, cost: charge.cost, askedMs, receivedMs: now(), maxAgeMs };
      refusals.set(quotaKey(charge), known);
    },
    find(charge, horizonMs) {
      const known = refusals.get(quotaKey(charge));
      if (!known || charge.cost < known.cost) return undefined;
      // Counted from the asking: whatever part of the call was the way back, it never outlasts the store's own.
      const ageMs = now() - known.askedMs;
      // After the clock ran back nobody knows how old it is.
      if (ageMs < 0 || ageMs >= Math.min(known.decision.retryAfterMs, known.maxAgeMs, horizonMs))
        return undefined;
      return later(known.decision, now() - known.receivedMs);
    },
  };
}

/** Tells apart what is remembered: another limit may have room. */
export const quotaKey = ({ key, count, quota }: Charge): string =>
  `${key} ${count} ${quota.limit} ${quota.burst}`;

/** What is still sure of the decision `ms` later. */
function later(decision: Decision, ms: number): Decision {
  // What remained then, or has come back since, others may have: what is sure is when the cost fits, or everything.
  const isPast = decision.remaining > 0 || decision.moreRoomMs <= ms;
  const moreRoomMs = isPast ? Math.min(decision.retryAfterMs, decision.resetMs) : decision.moreRoomMs;
  return {
    ...decision,
    remaining: 0,
    retryAfterMs: decision.retryAfterMs - ms,
    moreRoomMs: Math.max(0, moreRoomMs - ms),
    resetMs: Math.max(0, decision.resetMs - ms),
    nowMs: decision.nowMs + ms,
  };
}
