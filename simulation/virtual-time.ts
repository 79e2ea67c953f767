/** Something that will happen. */
export interface Appointment {
  readonly atMs: number;
  cancel(): void;
}

/** Time that only moves when something happens, and then at once. */
export interface VirtualTime {
  /** True time, epoch milliseconds; whole. */
  nowMs(): number;
  after(ms: number, happen: () => void): Appointment;
  /** Lets everything happen that is due before an instant, each with all that follows from it at once. */
  runUntil(ms: number): Promise<void>;
}

interface Entry {
  readonly atMs: number;
  readonly order: number;
  happen: (() => void) | undefined;
}

export function createVirtualTime(startMs: number): VirtualTime {
  const due = createHeap();
  let nowMs = startMs;
  let order = 0;

  return {
    nowMs: () => nowMs,
    after(ms, happen) {
      const entry: Entry = { atMs: nowMs + Math.max(0, Math.ceil(ms)), order: order++, happen };
      due.push(entry);
      return {
        atMs: entry.atMs,
        cancel() {
          entry.happen = undefined;
        },
      };
    },
    async runUntil(ms) {
      for (let next = due.peek(); next && next.atMs <= ms; next = due.peek()) {
        due.pop();
        if (!next.happen) continue;
        nowMs = next.atMs;
        next.happen();
        await settled();
      }
      nowMs = Math.max(nowMs, ms);
    },
  };
}

const { setImmediate } = globalThis;

/** Once every promise that can go on has done so: only then does Node come to what is immediate. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

const isBefore = (one: Entry, other: Entry) =>
  one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);

/** A binary heap, the soonest on top. */
function createHeap() {
  const entries: Entry[] = [];
  const at = (i: number) => entries[i] as Entry;

  function rise(from: number, entry: Entry): void {
    let i = from;
    for (let parent = (i - 1) >> 1; i > 0 && isBefore(entry, at(parent)); parent = (i - 1) >> 1) {
      entries[i] = at(parent);
      i = parent;
    }
    entries[i] = entry;
  }

  function sink(entry: Entry): void {
    let i = 0;
    for (let child = 1; child < entries.length; child = 2 * i + 1) {
      if (child + 1 < entries.length && isBefore(at(child + 1), at(child))) child += 1;
      if (!isBefore(at(child), entry)) break;
      entries[i] = at(child);
      i = child;
    }
    entries[i] = entry;
  }

  return {
    peek: (): Entry | undefined => entries[0],
    push(entry: Entry) {
      entries.push(entry);
      rise(entries.length - 1, entry);
    },
    pop() {
      const last = entries.pop();
      if (last && entries.length > 0) sink(last);
    },
  };
}
