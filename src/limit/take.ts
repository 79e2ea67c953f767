import { rulesFor } from "./algorithms.ts";
import type { Charge, Decision, Receipt, Standing } from "./charge.ts";
import { EMPTY_RECORD, type KeyRecord, storedState, withCount } from "./key-record.ts";
import type { Quota } from "./quota.ts";

/** Records by key. A missing key has nothing kept. */
export type Records = ReadonlyMap<string, KeyRecord>;

export interface Taken {
  /** Whether every charge that is not a shadow was allowed. */
  readonly admitted: boolean;
  /** One for each charge, in their order. */
  readonly decisions: readonly Decision[];
  /** One for each charge that was counted; none when the take was refused. */
  readonly receipts: readonly Receipt[];
  /** The records that changed; none when the take was refused. */
  readonly changed: Records;
}

/**
 * Decides all charges at once: either every charge with room is counted, or, when one that is not a
 * shadow has none, nothing is. `clockMs` is the store's clock; per key it never runs back.
 */
export function takeAll(records: Records, charges: readonly Charge[], clockMs: number): Taken {
  const changed = new Map<string, KeyRecord>();
  const decisions: Decision[] = [];
  const receipts: Receipt[] = [];
  for (const charge of charges) {
    const record = changed.get(charge.key) ?? records.get(charge.key) ?? EMPTY_RECORD;
    const nowMs = Math.max(clockMs, record.atMs);
    const { decision, state } = decide(
      storedState(record, charge.count, nowMs),
      charge,
      nowMs,
      nowMs - clockMs,
    );
    decisions.push(decision);
    if (!decision.allowed) continue;
    const untilMs = rulesFor(charge.quota.algorithm).emptyAtMs(state, charge.quota);
    changed.set(charge.key, withCount(record, charge.count, { untilMs, state }, nowMs));
    receipts.push({ charge, epoch: record.epoch, timeMs: nowMs });
  }
  const admitted = charges.every((charge, i) => charge.shadow || decisions[i]?.allowed);
  if (admitted) return { admitted, decisions, receipts, changed };
  const uncharged = decisions.map((decision, i) =>
    decision.allowed ? { ...decision, ...standingOf(records, charges[i] as Charge, clockMs) } : decision,
  );
  return { admitted, decisions: uncharged, receipts: [], changed: new Map() };
}

/**
 * Decides one charge. `state` is the one to keep if the whole take is admitted. `lagMs` is how far the clock is behind
 * `nowMs`, the newest time kept: callers wait that much longer.
 */
function decide(
  stored: unknown,
  { quota, cost }: Pick<Charge, "quota" | "cost">,
  nowMs: number,
  lagMs: number,
): { decision: Decision; state: unknown } {
  const rules = rulesFor(quota.algorithm);
  const before = rules.read(stored);
  const waitMs = rules.waitMs(before, quota, cost, nowMs);
  const allowed = waitMs === 0;
  const state = allowed ? rules.add(before, quota, cost, nowMs) : before;
  const retryAfterMs = allowed ? 0 : waitMs + lagMs;
  return { decision: { allowed, retryAfterMs, ...standing(state, quota, nowMs, lagMs) }, state };
}

/** How a quota stands with a state that was read, without charging it. */
function standing(state: unknown, quota: Quota, nowMs: number, lagMs: number): Standing {
  const rules = rulesFor(quota.algorithm);
  const remaining = rules.remaining(state, quota, nowMs);
  const moreRoomMs = remaining < quota.burst ? rules.waitMs(state, quota, remaining + 1, nowMs) + lagMs : 0;
  return { remaining, moreRoomMs, resetMs: rules.waitMs(state, quota, quota.burst, nowMs), nowMs };
}

/** How a charge's quota stands, without charging it. */
export function standingOf(records: Records, charge: Charge, clockMs: number): Standing {
  const record = records.get(charge.key) ?? EMPTY_RECORD;
  const nowMs = Math.max(clockMs, record.atMs);
  const state = rulesFor(charge.quota.algorithm).read(storedState(record, charge.count, nowMs));
  return standing(state, charge.quota, nowMs, nowMs - clockMs);
}
