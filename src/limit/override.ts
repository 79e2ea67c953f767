import { rulesFor } from "./algorithms.ts";
import type { Charge } from "./charge.ts";
import { withGeneration } from "./generation.ts";
import { type KeyRecord, type StoredCount, storedState, withCount, withoutCounts } from "./key-record.ts";
import { MAX_CAPACITY_MS, type Quota, withLimit } from "./quota.ts";
import { isCount } from "./rules.ts";

/** Another limit that an operator gave one quota of one key, until an instant. Kept in the key's record like a count. */
export interface Override {
  /** A whole number; 0 admits nothing, whatever the algorithm. */
  readonly limit: number;
  /** When the quota itself is in force again, epoch milliseconds. */
  readonly untilMs: number;
  /** What rules count by meanwhile: of a limit of 0 the quota itself, since no rule can divide by it. */
  readonly quota: Quota;
}

/** What an override is set by. */
export type OverrideEdit = Pick<Override, "untilMs"> & {
  readonly charge: Charge;
  /** Undefined: the quota itself is in force again at once. */
  readonly limit: number | undefined;
};

/** Which quota of which key. */
type Counted = Pick<Charge, "count" | "quota">;

/** No count has an id of this form, nor has a lockout. */
const idOf = (count: string): string => `${count}/override`;

/** The override in force; undefined when there is none, or what is stored is not valid. */
export function overrideOf(
  record: KeyRecord,
  { count, quota }: Counted,
  nowMs: number,
): Override | undefined {
  const stored = record.counts[idOf(count)];
  return stored && stored.untilMs > nowMs ? readOverride(stored, quota) : undefined;
}

function readOverride({ untilMs, state }: StoredCount, quota: Quota): Override | undefined {
  if (!Array.isArray(state) || state.length !== 1) return undefined;
  const limit: unknown = state[0];
  if (!isCount(limit) || limit * quota.windowMs > MAX_CAPACITY_MS) return undefined;
  return { limit, untilMs, quota: limit === 0 ? quota : withLimit(quota, limit) };
}

/** The instant from which a state means the same as the empty one, now and when the override has ended. */
export function emptyAtMs(state: unknown, quota: Quota, override: Override | undefined): number {
  const rules = rulesFor(quota.algorithm);
  const ownMs = rules.emptyAtMs(state, quota);
  if (!override) return ownMs;
  return Math.max(ownMs, Math.min(rules.emptyAtMs(state, override.quota), override.untilMs));
}

/** The record with an override in place of the one before. What was counted stands, for as long as it does by the new limit. */
export function withOverride(
  record: KeyRecord,
  { charge, limit, untilMs }: OverrideEdit,
  nowMs: number,
): KeyRecord {
  const { count, quota } = charge;
  const edited =
    limit === undefined
      ? withoutCounts(record, [idOf(count)])
      : withCount(record, idOf(count), { untilMs, state: [limit] }, nowMs);
  const override = overrideOf(edited, charge, nowMs);
  const stored = storedState(edited, count, nowMs);
  const state = rulesFor(quota.algorithm).read(stored);
  const kept =
    stored === undefined
      ? edited
      : withCount(edited, count, { untilMs: emptyAtMs(state, quota, override), state }, nowMs);
  if (quota.algorithm !== "token-bucket") return kept;
  // How fast a debt was paid back until now is forgotten: what is left of an admission cannot be told from its receipt.
  const quotas = [quota, ...[overrideOf(record, charge, nowMs), override].flatMap((one) => one?.quota ?? [])];
  return withGeneration(kept, count, quotas, nowMs);
}
