import { EMPTY_RECORD, idleAtMs, type KeyRecord, readRecord } from "../limit/key-record.ts";
import { settleAll } from "../limit/settle.ts";
import { type Records, standingOf, takeAll } from "../limit/take.ts";
import type { SettleMessage, SettleReply, TakeMessage, TakeReply } from "./counter-protocol.ts";

/** What one object keeps beyond its memory. Nothing is awaited: what was put is there for whoever reads next. */
export interface CounterStorage {
  /** What was put last; undefined when nothing was. */
  get(key: string): unknown;
  /** @param durable the answer waits until it is on disk */
  put(key: string, record: KeyRecord, durable: boolean): void;
  /** Every value. */
  list(): Iterable<unknown>;
  /** Asks for `alarm` at an instant, epoch milliseconds, in place of the instant asked for before. */
  wakeAt(timeMs: number, durable: boolean): void;
  /** Deletes everything. */
  clear(): void | Promise<void>;
}

export interface CounterParts {
  readonly storage: CounterStorage;
  readonly now: () => number;
  /** Called when a stored value could not be read, and was taken for empty. */
  readonly onCorrupt: () => void;
}

/** What a counter object does. It dies with its memory at any moment, and another goes on from the storage. */
export interface CounterCore {
  take(message: TakeMessage): TakeReply;
  settle(message: SettleMessage): SettleReply;
  /** Deletes everything when all of it is idle; else looks again when it will be. */
  alarm(): void | Promise<void>;
}

/** The soonest that idle state is cleaned up: each look costs a request, and memory stays this long anyway. */
const MIN_ALARM_DELAY_MS = 10_000;

/**
 * Counts for one key (by design for several: records are kept by key). Storage never lags memory: every admission is
 * written before anything else can run, and every refusal that a lockout counts; other refusals write nothing. Only the
 * wait for the disk is skipped unless a charge is durable.
 */
export function createCounter({ storage, now, onCorrupt }: CounterParts): CounterCore {
  const records = new Map<string, KeyRecord>();
  let isAlarmPending = false;
  let tentativeUntilMs = 0;

  /** Brings the records of these keys into memory. */
  function load(keys: readonly string[], nowMs: number): Records {
    for (const key of keys) {
      if (records.has(key)) continue;
      const stored = storage.get(key);
      const record = readRecord(stored);
      if (stored !== undefined && record === undefined) onCorrupt();
      records.set(key, record ?? EMPTY_RECORD);
      // Live state has an alarm, set together with it.
      isAlarmPending ||= record !== undefined && idleAtMs(record) > nowMs;
    }
    return records;
  }

  function write(changed: Records, durable: boolean, nowMs: number): void {
    for (const [key, record] of changed) {
      records.set(key, record);
      storage.put(key, record, durable);
      if (isAlarmPending) continue;
      isAlarmPending = true;
      storage.wakeAt(Math.max(idleAtMs(record), nowMs + MIN_ALARM_DELAY_MS), durable);
    }
  }

  return {
    take({ charges, tentativeMs }) {
      const nowMs = now();
      const keys = charges.map(({ key }) => key);
      const { changed, ...reply } = takeAll(load(keys, nowMs), charges, nowMs);
      const durable = charges.some((charge) => charge.durable);
      write(changed, durable, nowMs);
      const final = nowMs >= tentativeUntilMs;
      if (reply.admitted) tentativeUntilMs = Math.max(tentativeUntilMs, nowMs + tentativeMs);
      return { ...reply, final };
    },

    settle({ settlements }) {
      const nowMs = now();
      const charges = settlements.map(({ receipt }) => receipt.charge);
      const keys = charges.map(({ key }) => key);
      const changed = settleAll(load(keys, nowMs), settlements, nowMs);
      const durable = charges.some((charge) => charge.durable);
      write(changed, durable, nowMs);
      return charges.map((charge) => standingOf(records, charge, nowMs));
    },

    alarm() {
      const nowMs = now();
      const stored = [...storage.list()].map((value) => readRecord(value) ?? EMPTY_RECORD);
      const idleMs = Math.max(0, ...stored.map(idleAtMs));
      isAlarmPending = idleMs > nowMs;
      if (isAlarmPending) return storage.wakeAt(Math.max(idleMs, nowMs + MIN_ALARM_DELAY_MS), false);
      records.clear();
      return storage.clear();
    },
  };
}
