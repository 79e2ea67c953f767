import { rulesFor } from "./algorithms.ts";
import type { Charge } from "./charge.ts";
import { withGeneration } from "./generation.ts";
import { type KeyRecord, type StoredCount, storedState, withCount } from "./key-record.ts";
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

/** All overrides of a key stand under this id, as no count does: where there are none, looking costs next to nothing. */
const ID = "overrides";

/** How they are kept. */
type Entry = readonly [count: string, limit: number, untilMs: number];

/** The override in force; undefined when there is none, or what is stored is not valid. */
export function overrideOf(
  record: KeyRecord,
  { count, quota }: Pick<Charge, "count" | "quota">,
  nowMs: number,
): Override | undefined {
  const stored = record.counts[ID];
  if (!stored || stored.untilMs <= nowMs) return undefined;
  const [, limit = 0, untilMs = 0] = entriesOf(stored).find(([id]) => id === count) ?? [];
  if (untilMs <= nowMs || limit * quota.windowMs > MAX_CAPACITY_MS) return undefined;
  return { limit, untilMs, quota: limit === 0 ? quota : withLimit(quota, limit) };
}

const entriesOf = (stored: StoredCount | undefined): Entry[] =>
  Array.isArray(stored?.state) ? stored.state.filter(isEntry) : [];

function isEntry(entry: unknown): entry is Entry {
  if (!Array.isArray(entry)) return false;
  const [count, limit, untilMs] = entry as unknown[];
  return typeof count === "string" && isCount(limit) && isCount(untilMs);
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
  const others = entriesOf(record.counts[ID]).filter(([id]) => id !== count);
  const entries: Entry[] = limit === undefined ? others : [...others, [count, limit, untilMs]];
  const lastMs = Math.max(0, ...entries.map(([, , endMs]) => endMs));
  const edited = withCount(record, ID, { untilMs: lastMs, state: entries }, nowMs);
  const override = overrideOf(edited, charge, nowMs);
  const stored = storedState(edited, count, nowMs);
  const state = rulesFor(quota.algorithm).read(stored);
  // Never for less long than before: it may have been counted by a slower row of a table than the operator's.
  const keptMs = Math.max(edited.counts[count]?.untilMs ?? 0, emptyAtMs(state, quota, override));
  const kept = stored === undefined ? edited : withCount(edited, count, { untilMs: keptMs, state }, nowMs);
  if (quota.algorithm !== "token-bucket") return kept;
  // How fast a debt was paid back until now is forgotten: what is left of an admission cannot be told from its receipt. One
  // by a limit that is not in force has nothing to give back in any case.
  return withGeneration(kept, count, [quota, override?.quota ?? quota], nowMs);
}
