import type { Random } from "./random.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** What a Durable Object has stored at an instant. */
interface Stored {
  readonly values: ReadonlyMap<string, unknown>;
  readonly alarmMs: number | undefined;
}

/** What one turn of the object wrote: on disk as a whole, or not at all. */
interface Turn {
  readonly stored: Stored;
  readonly flushedMs: number;
  /** Told when a crash loses it. */
  readonly forget: (() => void)[];
}

/** The storage under one object: written at once, on disk a little later. */
export interface ObjectDisk {
  get(key: string): unknown;
  list(): Iterable<unknown>;
  size(): number;
  alarmMs(): number | undefined;
  put(key: string, value: unknown): void;
  setAlarm(timeMs: number | undefined): void;
  clear(): void;
  /** Ends a turn. Returns when what it wrote is on disk; undefined when it wrote nothing. */
  commit(forget: () => void): number | undefined;
  /** Back to what is on disk. Returns how many turns were lost. */
  crash(): number;
}

const EMPTY: Stored = { values: new Map(), alarmMs: undefined };

export function createObjectDisk(time: VirtualTime, random: Random): ObjectDisk {
  let onDisk = EMPTY;
  let current = EMPTY;
  let turns: Turn[] = [];
  let isDirty = false;

  function change(next: Stored): void {
    current = next;
    isDirty = true;
  }

  function flush(): void {
    const done = turns.filter(({ flushedMs }) => flushedMs <= time.nowMs());
    onDisk = done.at(-1)?.stored ?? onDisk;
    turns = turns.slice(done.length);
  }

  return {
    get: (key) => current.values.get(key),
    list: () => current.values.values(),
    size: () => current.values.size,
    alarmMs: () => current.alarmMs,
    put: (key, value) => change({ ...current, values: new Map(current.values).set(key, value) }),
    setAlarm: (alarmMs) => change({ ...current, alarmMs }),
    clear: () => change(EMPTY),
    commit(forget) {
      flush();
      if (!isDirty) {
        // What it did is covered by what was written before, and lost with that.
        turns.at(-1)?.forget.push(forget);
        return undefined;
      }
      isDirty = false;
      const flushedMs = Math.max(time.nowMs() + random.between(1, 20), turns.at(-1)?.flushedMs ?? 0);
      turns.push({ stored: current, flushedMs, forget: [forget] });
      return flushedMs;
    },
    crash() {
      flush();
      const lost = turns.toReversed();
      for (const { forget } of lost) for (const one of forget.toReversed()) one();
      turns = [];
      current = onDisk;
      return lost.length;
    },
  };
}
