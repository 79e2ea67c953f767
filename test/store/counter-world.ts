import { type AdminRequest, administer } from "../../src/limit/administer.ts";
import type { Charge } from "../../src/limit/charge.ts";
import { EMPTY_RECORD, type KeyRecord, readRecord } from "../../src/limit/key-record.ts";
import { type Settlement, settleAll } from "../../src/limit/settle.ts";
import { takeAll } from "../../src/limit/take.ts";
import { type CounterCore, type CounterStorage, createCounter } from "../../src/store/counter.ts";
import type { TakeReply } from "../../src/store/counter-protocol.ts";
import { START_MS } from "./fixtures.ts";

/** What an object has put, and when it wants to be woken. */
export function createDisk() {
  const values = new Map<string, unknown>();
  /** For each write, whether the answer waited for it. */
  const puts: boolean[] = [];
  let wakeMs: number | undefined;
  const storage: CounterStorage = {
    get: (key) => structuredClone(values.get(key)),
    put(key, record, durable) {
      values.set(key, structuredClone(record));
      puts.push(durable);
    },
    list: () => values.values(),
    wakeAt(timeMs) {
      wakeMs = timeMs;
    },
    clear() {
      values.clear();
      wakeMs = undefined;
    },
  };
  return {
    storage,
    values,
    puts,
    get wakeMs() {
      return wakeMs;
    },
    /** As the runtime does when it wakes an object. */
    forgetWake() {
      wakeMs = undefined;
    },
  };
}

/** One counter on a disk, by a clock in the test's hand. It loses its memory whenever the test wants. */
export function createCounterWorld(startMs = START_MS) {
  const disk = createDisk();
  let clockMs = startMs;
  let latestMs = startMs;
  const born = (): CounterCore =>
    createCounter({
      storage: disk.storage,
      now: () => clockMs,
      onCorrupt: () => {},
    });
  let counter = born();
  /** What the exact records are: the pure core, since the last restart. */
  let exact = new Map<string, KeyRecord>();

  return {
    disk,
    get clockMs() {
      return clockMs;
    },
    /** The latest that the clock ever was. */
    get latestMs() {
      return latestMs;
    },
    pass(ms: number) {
      clockMs += ms;
      latestMs = Math.max(latestMs, clockMs);
    },
    stored: (key: string): KeyRecord => readRecord(disk.values.get(key)) ?? EMPTY_RECORD,
    exact: (key: string): KeyRecord => exact.get(key) ?? EMPTY_RECORD,
    restart() {
      counter = born();
      exact = new Map([...disk.values].map(([key, value]) => [key, readRecord(value) ?? EMPTY_RECORD]));
    },
    /** What the counter answers, and what the pure core would. */
    take(charges: readonly Charge[]): { reply: TakeReply; pure: ReturnType<typeof takeAll> } {
      const pure = takeAll(exact, charges, clockMs);
      for (const [key, record] of pure.changed) exact.set(key, record);
      return { reply: counter.take({ format: 1, charges, tentativeMs: 0 }), pure };
    },
    settle(settlements: readonly Settlement[]) {
      for (const [key, record] of settleAll(exact, settlements, clockMs)) exact.set(key, record);
      return counter.settle({ format: 1, settlements });
    },
    administer(request: AdminRequest) {
      for (const [key, record] of administer(exact, request, clockMs)) exact.set(key, record);
      return counter.administer({ format: 1, ...request });
    },
    /** Another limit for a charge's quota and key. */
    override(one: Charge, limit: number | undefined, forMs: number) {
      const overrides = [{ charge: one, limit, untilMs: clockMs + forMs }];
      return this.administer({ kind: "override", overrides });
    },
    /** Wakes the counter if it asked for that by now. */
    wakeIfDue() {
      if (disk.wakeMs === undefined || disk.wakeMs > clockMs) return;
      disk.forgetWake();
      void counter.alarm();
      if (disk.values.size === 0) exact = new Map();
    },
  };
}

export type CounterWorld = ReturnType<typeof createCounterWorld>;
