import type { Charge, Decision } from "../../src/limit/charge.ts";
import { type Counted, roomAt, waitFor } from "./oracle.ts";

/** A refusal that counted for a lockout, and until when it locked the key out; 0 when it did not. */
interface Refusal {
  readonly key: string;
  readonly id: string;
  readonly atMs: number;
  readonly lockedUntilMs: number;
}

/** What a take should answer, worked out from every admission and every refusal, kept forever. Slow and obvious on purpose. */
export interface LockoutOracle {
  readonly refusals: readonly Refusal[];
  take(charges: readonly Charge[], clockMs: number): { admitted: boolean; decisions: readonly Decision[] };
}

export function createLockoutOracle(): LockoutOracle {
  const histories = new Map<string, Counted[]>();
  const refusals: Refusal[] = [];
  const newestMs = new Map<string, number>();

  const historyOf = ({ key, count }: Charge): Counted[] => {
    const history = histories.get(`${key} ${count}`) ?? [];
    histories.set(`${key} ${count}`, history);
    return history;
  };
  const nowOf = ({ key }: Charge, clockMs: number): number => Math.max(clockMs, newestMs.get(key) ?? 0);
  const refusalsOf = ({ key, lockout }: Charge): Refusal[] =>
    refusals.filter((refusal) => refusal.key === key && refusal.id === lockout?.id);
  /** Until when the key is locked out under the charge's lockout: of all that ever were, the last to end. */
  const lockedUntil = (charge: Charge): number =>
    Math.max(0, ...refusalsOf(charge).map(({ lockedUntilMs }) => lockedUntilMs));
  const isLockedOut = (charge: Charge, clockMs: number): boolean =>
    lockedUntil(charge) > nowOf(charge, clockMs);

  function countRefusal(charge: Charge, atMs: number): void {
    const { key, lockout } = charge;
    if (!lockout) return;
    const own = refusalsOf(charge);
    const sinceLast = own.slice(own.findLastIndex(({ lockedUntilMs }) => lockedUntilMs > 0) + 1);
    const inWindow = sinceLast.filter((refusal) => refusal.atMs > atMs - lockout.withinMs).length + 1;
    const lockedUntilMs = inWindow >= lockout.refusals ? atMs + lockout.durationMs : 0;
    refusals.push({ key, id: lockout.id, atMs, lockedUntilMs });
    newestMs.set(key, atMs);
  }

  function decide(charge: Charge, allowed: boolean, clockMs: number): Decision {
    const { quota, cost } = charge;
    const nowMs = nowOf(charge, clockMs);
    const lockedMs = Math.max(0, lockedUntil(charge) - nowMs);
    const remaining = lockedMs > 0 ? 0 : roomAt(historyOf(charge), quota, nowMs);
    const wait = (units: number) => Math.max(lockedMs, waitFor(historyOf(charge), quota, units, nowMs));
    return {
      allowed,
      retryAfterMs: allowed ? 0 : wait(cost) + nowMs - clockMs,
      remaining,
      moreRoomMs: remaining < quota.burst ? wait(remaining + 1) + nowMs - clockMs : 0,
      resetMs: wait(quota.burst),
      nowMs,
      ...(!allowed && lockedMs > 0 && { lockedOut: true }),
    };
  }

  return {
    refusals,
    take(charges, clockMs) {
      const locked = charges.map((charge) => isLockedOut(charge, clockMs));
      const fits = charges.map(
        (charge) => roomAt(historyOf(charge), charge.quota, nowOf(charge, clockMs)) >= charge.cost,
      );
      const allowed = charges.map((_, i) => Boolean(fits[i]) && !locked[i]);
      const admitted = charges.every(({ shadow }, i) => shadow || allowed[i]);
      const refused = charges.filter((_, i) => !fits[i] && !locked[i]);
      for (const charge of charges.filter((_, i) => admitted && allowed[i])) {
        const atMs = nowOf(charge, clockMs);
        historyOf(charge).push({ atMs, cost: charge.cost });
        newestMs.set(charge.key, atMs);
      }
      const names = new Map(
        refused.map((charge) => [JSON.stringify([charge.key, charge.lockout?.id]), charge]),
      );
      for (const charge of names.values()) countRefusal(charge, nowOf(charge, clockMs));
      return {
        admitted,
        decisions: charges.map((charge, i) => decide(charge, Boolean(allowed[i]), clockMs)),
      };
    },
  };
}
