import { type Batch, type BatchReply, FORMAT, type Gauges, type Report } from "./protocol.ts";
import { addCount, type Counts } from "./series.ts";
import { type KeyCounts, mergeKeys, sumKeys } from "./top-keys.ts";

/** What a metrics object keeps beyond its memory. */
export interface AggregateStorage {
  get(key: string): unknown;
  put(key: string, value: unknown): void;
}

/** What a metrics object does: sums the batches of its isolates. It dies with its memory at any moment. */
export interface Aggregate {
  /** Counts a batch, once however often it comes. Throws when it cannot be read or written; it may come again then. */
  add(batch: Batch): BatchReply;
  read(): Report;
}

/** One value, written with every batch. */
interface State {
  readonly format: typeof FORMAT;
  readonly counts: Map<string, number>;
  /** The minute of the newest batch since 1970, and what was counted in it. */
  minute: number;
  minuteCounts: Map<string, number>;
  /** Keys refused most, by half hour since 1970 and policy. */
  readonly keys: Map<number, Map<string, KeyCounts>>;
  /** Those that reported last at the end. */
  readonly isolates: Map<string, Isolate>;
}

interface Isolate extends Gauges {
  readonly seq: number;
  readonly atMs: number;
}

/** A minute that is over. */
interface Minute {
  readonly format: typeof FORMAT;
  readonly minute: number;
  readonly counts: Counts;
}

const STATE = "state";
const MINUTE_MS = 60_000;
const RING_MINUTES = 60;
const KEYS_MINUTES = 30;
/** An isolate tells every 30 s of its open sockets. One that has been silent for so long is gone, and its sockets too. */
const MAX_SILENT_MS = 90_000;
/** How long batches are known again: longer than an isolate keeps trying. */
const FORGET_ISOLATE_MS = 600_000;
const MAX_ISOLATES = 2_000;
/** Of all policies that there ever were. What is beyond goes to `metrics_dropped`. */
const MAX_SERIES = 5_000;

export function createAggregate(storage: AggregateStorage, now: () => number): Aggregate {
  let loaded: State | undefined;

  function load(): State {
    loaded ??= readState(storage.get(STATE));
    return loaded;
  }

  function add(batch: Batch): BatchReply {
    if (batch.format !== FORMAT) throw new Error(`batch of format ${batch.format}`);
    const state = load();
    const { isolates } = state;
    const nowMs = now();
    const known = isolates.get(batch.isolate);
    const { sockets, openBreakers } = batch.gauges;
    if (batch.seq <= (known?.seq ?? 0)) return { isolates: isolates.size };
    isolates.delete(batch.isolate);
    isolates.set(batch.isolate, { seq: batch.seq, atMs: nowMs, sockets, openBreakers });
    for (const [id, { atMs }] of isolates) {
      if (isolates.size <= MAX_ISOLATES && nowMs - atMs < FORGET_ISOLATE_MS) break;
      isolates.delete(id);
    }
    count(state, batch, Math.floor(nowMs / MINUTE_MS));
    storage.put(STATE, state);
    return { isolates: isolates.size };
  }

  function count(state: State, batch: Batch, minute: number): void {
    if (minute > state.minute) {
      const { minuteCounts: counts } = state;
      const over: Minute = { format: FORMAT, minute: state.minute, counts };
      if (counts.size > 0) storage.put(ringKey(state.minute), over);
      state.minute = minute;
      state.minuteCounts = new Map();
    }
    for (const [series, n] of batch.counts) {
      const isNew = !state.counts.has(series) && state.counts.size >= MAX_SERIES;
      addCount(state.counts, isNew ? "metrics_dropped" : series, n);
      if (!isNew) addCount(state.minuteCounts, series, n);
    }
    const half = Math.floor(state.minute / KEYS_MINUTES);
    for (const old of state.keys.keys()) if (old < half - 1) state.keys.delete(old);
    const keys = state.keys.get(half) ?? new Map();
    mergeKeys(keys, batch.keys);
    state.keys.set(half, keys);
  }

  return {
    add(batch) {
      try {
        return add(batch);
      } catch (error) {
        // What was not written must not be known.
        loaded = undefined;
        throw error;
      }
    },

    read() {
      const state = load();
      const nowMs = now();
      const minute = Math.max(state.minute, Math.floor(nowMs / MINUTE_MS));
      const ring = Array.from({ length: RING_MINUTES }, (_, i) => readMinute(storage.get(ringKey(i))));
      const own: Minute = { format: FORMAT, minute: state.minute, counts: state.minuteCounts };
      const minutes = [...ring, own].filter((one) => one !== undefined && one.minute > minute - RING_MINUTES);
      const oldestHalf = Math.floor(minute / KEYS_MINUTES) - 1;
      const alive = [...state.isolates.values()].filter(({ atMs }) => nowMs - atMs < MAX_SILENT_MS);
      const sum = (of: keyof Gauges) => alive.reduce((total, isolate) => total + isolate[of], 0);
      return {
        format: FORMAT,
        counts: state.counts,
        gauges: { sockets: sum("sockets"), openBreakers: sum("openBreakers") },
        minutes: new Map(minutes.map((one) => [one?.minute ?? 0, one?.counts ?? new Map()])),
        keys: sumKeys([...state.keys].flatMap(([half, keys]) => (half < oldestHalf ? [] : [keys]))),
      };
    },
  };
}

const ringKey = (minute: number): string => `minute ${minute % RING_MINUTES}`;

/** What cannot be read counts as nothing. */
function readState(stored: unknown): State {
  if (hasFormat(stored)) return stored as State;
  return {
    format: FORMAT,
    counts: new Map(),
    minute: 0,
    minuteCounts: new Map(),
    keys: new Map(),
    isolates: new Map(),
  };
}

const readMinute = (stored: unknown): Minute | undefined =>
  hasFormat(stored) ? (stored as Minute) : undefined;

const hasFormat = (stored: unknown): boolean =>
  typeof stored === "object" && stored !== null && "format" in stored && stored.format === FORMAT;
