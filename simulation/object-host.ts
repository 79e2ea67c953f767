import { type CounterCore, createCounter } from "../src/store/counter.ts";
import { MESSAGE_FORMAT } from "../src/store/counter-protocol.ts";
import type { Census } from "./census.ts";
import type { Serve } from "./network.ts";
import { createObjectDisk } from "./object-disk.ts";
import type { Random } from "./random.ts";
import { createSkewedClock } from "./skewed-clock.ts";
import type { StoreHost, Witness } from "./store-host.ts";
import type { Appointment, VirtualTime } from "./virtual-time.ts";
import { createWaitingRoom } from "./waiting-room.ts";

/** The platform under one Durable Object. */
export interface ObjectHost extends StoreHost {
  /** Its memory is gone. */
  evict(): void;
  /** Its machine is gone, with what was not on disk yet. Returns how many turns were lost. */
  crash(): number;
}

export interface HostParts {
  readonly key: string;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly witness: Witness;
  readonly census: Census;
  /** Of a hundred calls: turned away as too many. */
  readonly overloaded: number;
  /** Takes the place of the counter, to try whether what it breaks is found. */
  readonly sabotage?: ((core: CounterCore) => CounterCore) | undefined;
}

export function createObjectHost(parts: HostParts): ObjectHost {
  const { time, random, witness, census, overloaded, sabotage = (core) => core } = parts;
  const disk = createObjectDisk(time, random);
  const room = createWaitingRoom(time);
  const clock = createSkewedClock(time, random.between(-3_000, 3_000));
  let core: CounterCore | undefined;
  let alarm: Appointment | undefined;
  /** Nothing leaves before this: a durable write is on its way to the disk. */
  let gateMs = 0;
  let isWaited = false;

  const storage = {
    get: disk.get,
    list: disk.list,
    clear: disk.clear,
    put(key: string, value: unknown, durable: boolean) {
      isWaited ||= durable;
      disk.put(key, value);
    },
    wakeAt(timeMs: number, durable: boolean) {
      isWaited ||= durable;
      disk.setAlarm(timeMs);
    },
  };

  function awake(): CounterCore {
    core ??= sabotage(createCounter({ storage, now: clock.nowMs, onCorrupt: () => census.count("corrupt") }));
    return core;
  }

  /** Ends a turn. Returns whether it wrote anything. */
  function commit(forget: () => void): boolean {
    const flushedMs = disk.commit(forget);
    if (isWaited && flushedMs !== undefined) gateMs = flushedMs;
    isWaited = false;
    setAlarmClock();
    return flushedMs !== undefined;
  }

  function setAlarmClock(): void {
    const alarmMs = disk.alarmMs();
    const waitMs = alarmMs === undefined ? undefined : Math.max(0, alarmMs - clock.nowMs());
    if (alarm?.atMs === (waitMs === undefined ? undefined : time.nowMs() + waitMs)) return;
    alarm?.cancel();
    alarm = waitMs === undefined ? undefined : time.after(waitMs, ring);
  }

  function ring(): void {
    census.count("alarm");
    alarm = undefined;
    disk.setAlarm(undefined);
    void awake().alarm();
    commit(() => {});
  }

  function evict(): void {
    core = undefined;
    witness.lostMemory(parts.key);
  }

  const host: ObjectHost = {
    name: parts.key,
    take: (charges, tentativeMs, callId) =>
      guarded(() => {
        const value = awake().take({ format: MESSAGE_FORMAT, charges, tentativeMs });
        const forget = witness.decided(callId, charges, value, host);
        const isWritten = commit(forget);
        if (isWritten && !value.admitted) witness.wroteRefusal(charges);
        if (!isWritten && value.receipts.length > 0) census.count("covered by a reserve");
        return value;
      }),
    settle: (settlements, callId) =>
      guarded(() => {
        const value = awake().settle({ format: MESSAGE_FORMAT, settlements });
        commit(witness.settled(callId, settlements, host));
        return value;
      }),
    clock: {
      ...clock,
      step(byMs) {
        clock.step(byMs);
        setAlarmClock();
      },
    },
    pause: room.pause,
    restart() {
      evict();
      room.fail("object was restarted");
    },
    evict,
    crash() {
      evict();
      room.fail("machine is gone");
      const lost = disk.crash();
      setAlarmClock();
      return lost;
    },
    stored: disk.size,
  };

  function guarded<T>(work: () => T): Serve<T> {
    const serve = room.serve(() => ({ value: work(), leavesMs: gateMs }));
    return (answer) => {
      if (!random.chance(overloaded / 100)) return serve(answer);
      census.count("overloaded");
      answer({ error: "too many requests", isOverloaded: true });
    };
  }

  return host;
}
