import { isCount, isTime } from "./rules.ts";

/** Written into every stored record. A new format is read one release before it is written. */
export const RECORD_FORMAT = 1;

/** Everything kept for one key: an immutable value that survives JSON and structured clone. */
export interface KeyRecord {
  readonly format: typeof RECORD_FORMAT;
  /** Generation: a reset begins a new one. Settlements of what was admitted before are void. */
  readonly epoch: number;
  /** Newest instant of something counted, an admission or a refusal. Epoch milliseconds; time never runs back behind it. */
  readonly atMs: number;
  readonly counts: Readonly<Record<string, StoredCount>>;
}

export interface StoredCount {
  /** The instant from which the state means nothing and may be dropped, epoch milliseconds. */
  readonly untilMs: number;
  readonly state: unknown;
}

export const EMPTY_RECORD: KeyRecord = { format: RECORD_FORMAT, epoch: 0, atMs: 0, counts: {} };

/** A stored value as a record; undefined when it is corrupt or of a format this release cannot read. */
export function readRecord(stored: unknown): KeyRecord | undefined {
  if (!isObject(stored) || stored.format !== RECORD_FORMAT || !isObject(stored.counts)) return undefined;
  if (!isCount(stored.epoch) || !isTime(stored.atMs)) return undefined;
  if (!Object.values(stored.counts).every((count) => isObject(count) && isCount(count.untilMs)))
    return undefined;
  return stored as unknown as KeyRecord;
}

/** What is stored of a count; undefined from the instant on at which it means nothing, whether or not it was dropped. */
export function storedState(record: KeyRecord, id: string, nowMs: number): unknown {
  const count = record.counts[id];
  return count && count.untilMs > nowMs ? count.state : undefined;
}

/** The record with one count replaced, and every count dropped that has nothing to say any more. */
export function withCount(record: KeyRecord, id: string, count: StoredCount, nowMs: number): KeyRecord {
  const kept = Object.entries(record.counts).filter(
    ([other, { untilMs }]) => other !== id && untilMs > nowMs,
  );
  const counts = Object.fromEntries(count.untilMs > nowMs ? [...kept, [id, count]] : kept);
  return { ...record, atMs: Math.max(record.atMs, nowMs), counts };
}

/** The record without some of its counts. */
export function withoutCounts(record: KeyRecord, ids: readonly string[]): KeyRecord {
  const kept = Object.entries(record.counts).filter(([id]) => !ids.includes(id));
  return { ...record, counts: Object.fromEntries(kept) };
}

/** The instant from which the whole record may be dropped, epoch milliseconds. */
export function idleAtMs(record: KeyRecord): number {
  return Object.values(record.counts).reduce((latest, { untilMs }) => Math.max(latest, untilMs), 0);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
