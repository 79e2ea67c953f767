import { administer, chargesOf, keyStandingOf } from "../limit/administer.ts";
import type { Charge } from "../limit/charge.ts";
import { EMPTY_RECORD, idleAtMs, type KeyRecord, readRecord } from "../limit/key-record.ts";
import { settleAll, settledStanding } from "../limit/settle.ts";
import { type Records, takeAll } from "../limit/take.ts";
import {
  type AdminMessage,
  type AdminReply,
  MESSAGE_FORMAT,
  type SettleMessage,
  type SettleReply,
  type TakeMessage,
  type TakeReply,
} from "./counter-protocol.ts";
import { createReserve, type Reserve, type Spent } from "./reserve.ts";

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
  administer(message: AdminMessage): AdminReply;
  /** Deletes everything when all of it is idle; else looks again when it will be. */
  alarm(): void | Promise<void>;
}

/**
 * How long after its newest admission a record read from storage may still get something back that memory knew of: longer
 * than a request usually takes for that (`STORE_TIMEOUT`), and shorter than the platform leaves idle objects in memory.
 */
const MAX_FORGOTTEN_MS = 5_000;
/** The soonest that idle state is cleaned up: each look costs a request, and memory stays this long anyway. */
const MIN_ALARM_DELAY_MS = 10_000;

/**
 * Counts for one key (by design for several: records are kept by key). Storage never lags memory: every admission is
 * written before anything else can run, unless a reserve of the key stands in storage and covers it, and so is every refusal
 * that a lockout counts, and every edit of an operator; other refusals write nothing, and looking does not either. Only the
 * wait for the disk is skipped, unless a charge is durable or an operator waits.
 */
export function createCounter({ storage, now, onCorrupt }: CounterParts): CounterCore {
  /** Exact, and what is decided by. */
  const records = new Map<string, KeyRecord>();
  const reserves = new Map<string, Reserve>();
  let isAlarmPending = false;
  let tentativeUntilMs = 0;

  /** Brings the records of these charges into memory. */
  function load(charges: readonly Charge[], nowMs: number): void {
    for (const { key } of charges) {
      if (records.has(key)) continue;
      const stored = storage.get(key);
      const record = readRecord(stored);
      if (stored !== undefined && record === undefined) onCorrupt();
      if (record)
        tentativeUntilMs = Math.max(tentativeUntilMs, Math.min(record.atMs, nowMs) + MAX_FORGOTTEN_MS);
      records.set(key, record ?? EMPTY_RECORD);
      reserves.set(key, createReserve());
      // Live state has an alarm, set together with it.
      isAlarmPending ||= record !== undefined && idleAtMs(record) > nowMs;
    }
  }

  /** @param spent what changed the records; undefined when it was a refusal */
  function keep(
    changed: Records,
    spent: readonly Spent[] | undefined,
    durable: boolean,
    nowMs: number,
  ): void {
    for (const [key, record] of changed) {
      records.set(key, record);
      const own = spent?.filter(({ charge }) => charge.key === key);
      if (own && reserves.get(key)?.covers(own, record.atMs)) continue;
      write(key, reserves.get(key)?.renewed(record) ?? record, durable, nowMs);
    }
  }

  function write(key: string, record: KeyRecord, durable: boolean, nowMs: number): void {
    storage.put(key, record, durable);
    if (isAlarmPending) return;
    isAlarmPending = true;
    storage.wakeAt(Math.max(idleAtMs(record), nowMs + MIN_ALARM_DELAY_MS), durable);
  }

  return {
    take({ charges, tentativeMs }) {
      const nowMs = now();
      load(charges, nowMs);
      const { changed, ...reply } = takeAll(records, charges, nowMs);
      const isRefusalCounted = charges.some(({ lockout }, i) => lockout && !reply.decisions[i]?.allowed);
      const spent = reply.receipts.map(({ charge }) => ({ charge, units: charge.cost }));
      keep(changed, isRefusalCounted ? undefined : spent, charges.some(isDurable), nowMs);
      const final = nowMs >= tentativeUntilMs;
      if (reply.admitted) tentativeUntilMs = Math.max(tentativeUntilMs, nowMs + tentativeMs);
      return { ...reply, final };
    },

    settle({ settlements }) {
      const nowMs = now();
      const charges = settlements.map(({ receipt }) => receipt.charge);
      load(charges, nowMs);
      const changed = settleAll(records, settlements, nowMs);
      const spent = settlements.map(({ receipt: { charge }, cost }) => {
        return { charge, units: Math.max(0, cost - charge.cost) };
      });
      keep(changed, spent, charges.some(isDurable), nowMs);
      return settlements.map((settlement) => settledStanding(records, settlement, nowMs));
    },

    administer(request) {
      const nowMs = now();
      const charges = chargesOf(request);
      load(charges, nowMs);
      for (const [key, record] of administer(records, request, nowMs)) {
        records.set(key, record);
        // No reserve covers an edit, and what was reserved by the limit before is of no use.
        reserves.set(key, createReserve());
        // The alarm may be a year away, for an override that this one ends.
        isAlarmPending = false;
        write(key, record, true, nowMs);
      }
      return {
        format: MESSAGE_FORMAT,
        standings: charges.map((charge) => keyStandingOf(records, charge, nowMs)),
      };
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

const isDurable = ({ durable }: Charge): boolean => durable;
