import { aheadOf, receiptOf } from "./ahead.ts";
import { rulesFor } from "./algorithms.ts";
import type { Charge, Decision, Receipt, Standing } from "./charge.ts";
import { EMPTY_RECORD, type KeyRecord, withCount } from "./key-record.ts";
import { refusalsOf, withRefusal } from "./lockout.ts";
import { emptyAtMs } from "./override.ts";
import { quotaInForce, standing, type View, viewOf, waitMs } from "./view.ts";

/** Records by key. A missing key has nothing kept. */
export type Records = ReadonlyMap<string, KeyRecord>;

export interface Taken {
  /** Whether every charge that is not a shadow was allowed. */
  readonly admitted: boolean;
  /** One for each charge, in their order. */
  readonly decisions: readonly Decision[];
  /** One for each charge that was counted; none when the take was refused. */
  readonly receipts: readonly Receipt[];
  /** The records that changed. A refused take charges no quota: it changes only what is kept of lockouts. */
  readonly changed: Records;
}

/**
 * Decides all charges at once: either every charge with room is counted, or, when one that is not a
 * shadow has none, nothing is. `clockMs` is the store's clock; per key it never runs back.
 *
 * A charge of a key that is locked out is refused whatever its quota says. A lockout counts one refusal when quotas of it
 * refuse, shadows too and whatever became of the take, and the refusal that locks the key out says so: in every charge
 * refused. Its charges with room remain allowed, but their standing shows the lockout, since the next are refused.
 */
export function takeAll(records: Records, charges: readonly Charge[], clockMs: number): Taken {
  const counted = new Map<string, KeyRecord>();
  const decisions: Decision[] = [];
  const receipts: Receipt[] = [];
  for (const charge of charges) {
    const record = counted.get(charge.key) ?? records.get(charge.key) ?? EMPTY_RECORD;
    const view = viewOf(record, charge, clockMs);
    const { decision, state } = decide(view, charge);
    decisions.push(decision);
    if (!decision.allowed) continue;
    const untilMs = emptyAtMs(state, charge.quota, view.override);
    counted.set(charge.key, withCount(record, charge.count, { untilMs, state }, decision.nowMs));
    receipts.push(receiptOf(charge, decision, record.epoch));
  }
  if (receipts.length === charges.length) return { admitted: true, decisions, receipts, changed: counted };
  const admitted = charges.every((charge, i) => charge.shadow || decisions[i]?.allowed);
  const changed = admitted ? counted : new Map<string, KeyRecord>();
  const recordOf = (key: string) => changed.get(key) ?? records.get(key) ?? EMPTY_RECORD;
  for (const { key, lockout } of refusalsOf(charges, decisions)) {
    const record = recordOf(key);
    changed.set(key, withRefusal(record, lockout, Math.max(clockMs, record.atMs)));
  }
  const restated = decisions.map((decision, i) => {
    const charge = charges[i] as Charge;
    if (!charge.lockout && (admitted || !decision.allowed)) return decision;
    return restate(decision, charge, viewOf(recordOf(charge.key), charge, clockMs));
  });
  return { admitted, decisions: restated, receipts: admitted ? receipts : [], changed };
}

/** A decision by what is kept after the take: without what it did not charge, and with a lockout that it began. */
function restate(decision: Decision, charge: Charge, view: View): Decision {
  if (decision.allowed) return { ...decision, ...standing(view) };
  return view.lockedMs > 0 ? decide(view, charge).decision : decision;
}

/** How a charge's quota stands, without charging it. */
export function standingOf(records: Records, charge: Charge, clockMs: number): Standing {
  return standing(viewOf(records.get(charge.key) ?? EMPTY_RECORD, charge, clockMs));
}

/** Decides one charge. `state` is the one to keep if the whole take is admitted. */
function decide(view: View, charge: Charge): { decision: Decision; state: unknown } {
  const { cost } = charge;
  const ahead = aheadOf(charge);
  const quota = quotaInForce(view);
  const rules = rulesFor(quota.algorithm);
  const { state: before, nowMs, lagMs, override } = view;
  const ms = waitMs(view, cost);
  const allowed = ms === 0;
  const spareUnits = allowed && ahead ? Math.floor((rules.remaining(before, quota, nowMs) - cost) / 2) : 0;
  const permits = Math.min(ahead?.units ?? 0, spareUnits);
  const state = allowed ? rules.add(before, quota, cost + permits, nowMs, ahead?.holdMs) : before;
  const decision = {
    allowed,
    retryAfterMs: allowed ? 0 : ms + lagMs,
    ...standing(view, state),
    ...(ahead && { permits }),
    ...(override && { limit: override.limit }),
  };
  return { decision: view.lockedMs > 0 ? { ...decision, lockedOut: true } : decision, state };
}
