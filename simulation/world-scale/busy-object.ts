import { type CounterCore, createCounter } from "../../src/store/counter.ts";
import type { Counter } from "../../src/store/counter-protocol.ts";
import type { VirtualTime } from "../virtual-time.ts";
import type { Meter } from "./meter.ts";
import { PLATFORM } from "./scenario.ts";

/** The object of the one key, with what waits in front of it. */
export interface BusyObject {
  /** A stub for a caller so far away, one way. */
  counter(wayMs: number): Counter;
}

export function createBusyObject(time: VirtualTime, meter: Meter): BusyObject {
  const values = new Map<string, unknown>();
  const storage = {
    get: (key: string) => values.get(key),
    list: () => values.values(),
    clear: () => values.clear(),
    put(key: string, value: unknown) {
      values.set(key, value);
      meter.row(time.nowMs());
    },
    wakeAt: () => meter.row(time.nowMs()),
  };
  const core = createCounter({ storage, now: time.nowMs, onCorrupt: () => {} });
  let freeMs = 0;

  /** One at a time, in the order in which they come. */
  function serve<T>(wayMs: number, work: (core: CounterCore) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      time.after(wayMs, () => {
        meter.call(time.nowMs());
        const startMs = Math.max(freeMs, time.nowMs());
        if (startMs - time.nowMs() > PLATFORM.maxQueueMs) {
          const error = Object.assign(new Error("too many requests"), { overloaded: true });
          time.after(wayMs, () => reject(error));
          return;
        }
        freeMs = startMs + 1_000 / PLATFORM.callsPerSecond;
        time.after(startMs - time.nowMs(), () => {
          const value = work(core);
          time.after(wayMs, () => resolve(value));
        });
      });
    });
  }

  return {
    counter: (wayMs) => ({
      take: (message) => serve(wayMs, (own) => own.take(message)),
      settle: (message) => serve(wayMs, (own) => own.settle(message)),
    }),
  };
}
