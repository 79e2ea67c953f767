import type { Quota } from "../src/limit/quota.ts";

/** Something that counts, as the observer keeps it: unrounded, and for good. */
export interface Counted {
  /** The store's time from which on it counts. */
  readonly timeMs: number;
  /** What of it still counts: lowered by refunds. */
  left: number;
  /** What a settlement said that it cost. */
  settled?: number;
}

export type Undo = () => void;

/** How a quota stands by what the documentation says of its algorithm. Written apart from the code that it checks. */
export interface CountModel {
  /** What fits at an instant; below zero when a settlement went over. */
  room(nowMs: number): number;
  /** The same as far as a state of bounded size can know it: never more. */
  knownRoom(nowMs: number): number;
  /** @param timeMs from when it counts: `nowMs`, or later when it was taken ahead */
  add(nowMs: number, cost: number, timeMs: number): Counted;
  /** Takes back all but `cost` of it. Returns what a crash undoes that with; undefined when it does not count any more. */
  refund(counted: Counted, cost: number, nowMs: number): Undo | undefined;
  /** It never was: a crash. */
  remove(counted: Counted): void;
  /** From then on nothing matters of what has been counted and not given back. */
  liveUntilMs(): number;
}

export function createCountModel(quota: Quota): CountModel {
  if (quota.algorithm === "token-bucket") return createBucket(quota);
  return quota.algorithm === "fixed-window" ? createFixedWindow(quota) : createSlidingWindow(quota);
}

/** States of sliding windows hold so many entries. */
const MAX_ENTRIES = 128;

function createSlidingWindow({ limit, windowMs }: Quota): CountModel {
  let all: Counted[] = [];
  /** How many were left when those that were over were dropped. */
  let live = 0;
  const sliceMs = limit <= MAX_ENTRIES ? 1 : Math.ceil(windowMs / (MAX_ENTRIES - 1));
  const sliceEnd = (timeMs: number) => Math.ceil(timeMs / sliceMs) * sliceMs;
  const sum = (isStanding: (timeMs: number) => boolean) => {
    let standing = 0;
    for (const { timeMs, left } of all) if (left > 0 && isStanding(timeMs)) standing += left;
    return standing;
  };
  return {
    room: (nowMs) => limit - sum((timeMs) => timeMs > nowMs - windowMs),
    knownRoom: (nowMs) => limit - sum((timeMs) => sliceEnd(timeMs) > nowMs - windowMs),
    add(nowMs, cost, timeMs) {
      const counted = { timeMs, left: cost };
      if (all.length > 100 && all.length > 2 * live) {
        all = all.filter((one) => sliceEnd(one.timeMs) > nowMs - windowMs);
        live = all.length;
      }
      all.push(counted);
      return counted;
    },
    refund(counted, cost, nowMs) {
      // A refund of what is over is void, also when a clock that is set back makes it stand again.
      const isStanding = sliceEnd(counted.timeMs) > nowMs - windowMs;
      if (!isStanding) return undefined;
      const before = counted.left;
      counted.left = Math.min(before, cost);
      return () => {
        counted.left = before;
      };
    },
    remove(counted) {
      counted.left = 0;
    },
    liveUntilMs() {
      let endMs = 0;
      for (const { timeMs, left } of all) if (left > 0) endMs = Math.max(endMs, sliceEnd(timeMs) + windowMs);
      return endMs;
    },
  };
}

function createFixedWindow({ limit, windowMs }: Quota): CountModel {
  const used = new Map<number, number>();
  const windowOf = (timeMs: number) => Math.floor(timeMs / windowMs);
  const change = (timeMs: number, by: number) =>
    used.set(windowOf(timeMs), (used.get(windowOf(timeMs)) ?? 0) + by);
  const room = (nowMs: number) => limit - (used.get(windowOf(nowMs)) ?? 0);
  function setLeft(counted: Counted, left: number): void {
    change(counted.timeMs, left - counted.left);
    counted.left = left;
  }
  return {
    room,
    knownRoom: room,
    add(_, cost, timeMs) {
      change(timeMs, cost);
      return { timeMs, left: cost };
    },
    refund(counted, cost, nowMs) {
      const isStanding = windowOf(nowMs) === windowOf(counted.timeMs);
      if (!isStanding) return undefined;
      const before = counted.left;
      setLeft(counted, Math.min(before, cost));
      return () => setLeft(counted, before);
    },
    remove: (counted) => setLeft(counted, 0),
    liveUntilMs() {
      const standing = [...used].filter(([, units]) => units > 0).map(([window]) => window);
      return standing.length > 0 ? (Math.max(...standing) + 1) * windowMs : 0;
    },
  };
}

/** Debt in parts: a unit is `window` of them, and each millisecond pays `limit` of them back. */
function createBucket({ limit, windowMs, burst }: Quota): CountModel {
  let debt = 0;
  let atMs = 0;
  const debtAt = (nowMs: number) => Math.max(0, debt - Math.max(0, nowMs - atMs) * limit);
  function change(nowMs: number, parts: number): void {
    const before = debtAt(nowMs);
    debt = Math.max(0, before + parts);
    // When nothing was owed, a clock that was set back may count anew.
    atMs = before === 0 ? nowMs : Math.max(atMs, nowMs);
  }
  const room = (nowMs: number) => Math.floor((burst * windowMs - debtAt(nowMs)) / windowMs);
  return {
    room,
    knownRoom: room,
    add(nowMs, cost, timeMs) {
      change(nowMs, cost * windowMs);
      return { timeMs, left: cost };
    },
    refund(counted, cost, nowMs) {
      const given = Math.max(0, (counted.left - cost) * windowMs - (nowMs - counted.timeMs) * limit);
      counted.left = Math.min(counted.left, cost);
      const before = debtAt(nowMs);
      // What is paid back already changes nothing, not even the key's time.
      if (before === 0 || given === 0) return undefined;
      change(nowMs, -given);
      const parts = before - debt;
      return () => change(atMs, parts);
    },
    remove(counted) {
      change(atMs, -counted.left * windowMs);
      counted.left = 0;
    },
    liveUntilMs: () => (debt > 0 ? atMs + Math.ceil(debt / limit) : 0),
  };
}
