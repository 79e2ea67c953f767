import { DurableObject } from "cloudflare:workers";
import { systemClock } from "../clock.ts";
import { EMPTY_RECORD, idleAtMs, type KeyRecord, readRecord } from "../limit/key-record.ts";
import { settleAll } from "../limit/settle.ts";
import { type Records, standingOf, takeAll } from "../limit/take.ts";
import { createLog } from "../metrics/log.ts";
import type { Counter, SettleMessage, SettleReply, TakeMessage, TakeReply } from "./counter-protocol.ts";

/** The soonest that idle state is cleaned up: each look costs a request, and memory stays this long anyway. */
const MIN_ALARM_DELAY_MS = 10_000;

/**
 * Counts for one key (by design for several: records are kept by key). Storage never lags memory: every admission is
 * written before anything else can run, and every refusal that a lockout counts; other refusals write nothing. Only the
 * wait for the disk is skipped unless a charge is durable.
 */
export class CounterObject extends DurableObject implements Counter {
  readonly #records = new Map<string, KeyRecord>();
  readonly #log = createLog(systemClock);
  #isAlarmPending = false;
  #tentativeUntilMs = 0;

  take({ charges, tentativeMs }: TakeMessage): TakeReply {
    const nowMs = systemClock();
    const { changed, ...reply } = takeAll(this.#load(charges.map(({ key }) => key)), charges, nowMs);
    this.#write(
      changed,
      charges.some(({ durable }) => durable),
    );
    const final = nowMs >= this.#tentativeUntilMs;
    if (reply.admitted) this.#tentativeUntilMs = Math.max(this.#tentativeUntilMs, nowMs + tentativeMs);
    return { ...reply, final };
  }

  settle({ settlements }: SettleMessage): SettleReply {
    const nowMs = systemClock();
    const charges = settlements.map(({ receipt }) => receipt.charge);
    const records = this.#load(charges.map(({ key }) => key));
    this.#write(
      settleAll(records, settlements, nowMs),
      charges.some(({ durable }) => durable),
    );
    return charges.map((charge) => standingOf(this.#records, charge, nowMs));
  }

  override async alarm(): Promise<void> {
    const nowMs = systemClock();
    const stored = [...this.ctx.storage.kv.list()].map(([, value]) => readRecord(value) ?? EMPTY_RECORD);
    const idleMs = Math.max(0, ...stored.map(idleAtMs));
    this.#isAlarmPending = idleMs > nowMs;
    if (this.#isAlarmPending) return this.ctx.storage.setAlarm(Math.max(idleMs, nowMs + MIN_ALARM_DELAY_MS));
    this.#records.clear();
    return this.ctx.storage.deleteAll();
  }

  /** Brings the records of these keys into memory. */
  #load(keys: readonly string[]): Records {
    for (const key of keys) {
      if (this.#records.has(key)) continue;
      const stored = this.ctx.storage.kv.get(key);
      const record = readRecord(stored);
      if (stored !== undefined && record === undefined) this.#log("corrupt_state");
      this.#records.set(key, record ?? EMPTY_RECORD);
      // Live state has an alarm, set together with it.
      this.#isAlarmPending ||= record !== undefined && idleAtMs(record) > systemClock();
    }
    return this.#records;
  }

  #write(changed: Records, durable: boolean): void {
    for (const [key, record] of changed) {
      this.#records.set(key, record);
      void this.ctx.storage.put(key, record, { allowUnconfirmed: !durable });
      if (this.#isAlarmPending) continue;
      this.#isAlarmPending = true;
      const idleMs = Math.max(idleAtMs(record), systemClock() + MIN_ALARM_DELAY_MS);
      void this.ctx.storage.setAlarm(idleMs, { allowUnconfirmed: !durable });
    }
  }
}
