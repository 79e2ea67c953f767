import type { Entry } from "./entry.ts";

/** Entries that wait for earlier ones at most, and about how many characters their lines have together. */
const MAX_WAITING = 50_000;
const MAX_CHARACTERS = 32 * 1024 * 1024;

/** Puts entries in the order of their times, as far as they are not further apart than the slack. */
export interface Sorter {
  /** @param characters of its line, which an entry may keep in memory as a whole */
  add(entry: Entry, characters: number): void;
  /** All that no later entry is expected to come before, oldest first. */
  ready(): Entry[];
  /** The rest, oldest first. */
  end(): Entry[];
  /** Entries that came after one that was already handed on and is newer. */
  late(): number;
}

/** Servers write a line when its request is over, so lines of one log are a little out of order. */
export function createSorter(slackMs: number): Sorter {
  let waiting: Entry[] = [];
  let newestMs = Number.NEGATIVE_INFINITY;
  let handedOnMs = Number.NEGATIVE_INFINITY;
  let isSorted = true;
  let late = 0;
  /** Of those that wait; estimated when some were taken. */
  let characters = 0;

  function take(count: number): Entry[] {
    characters *= Math.max(0, 1 - count / waiting.length) || 0;
    const taken = count >= waiting.length ? waiting : waiting.slice(0, count);
    waiting = count >= waiting.length ? [] : waiting.slice(count);
    const last = taken.at(-1);
    if (last && last.timeMs > handedOnMs) handedOnMs = last.timeMs;
    return taken;
  }

  function sort(): void {
    // Stable, so that entries of one instant stay as they came.
    if (!isSorted) waiting.sort((one, other) => one.timeMs - other.timeMs);
    isSorted = true;
  }

  return {
    add(entry, length) {
      if (entry.timeMs < newestMs) isSorted = false;
      else newestMs = entry.timeMs;
      if (entry.timeMs < handedOnMs) late += 1;
      waiting.push(entry);
      characters += length;
    },
    ready() {
      sort();
      const untilMs = newestMs - slackMs;
      const tooMany = waiting.length - MAX_WAITING;
      const tooLong = Math.ceil(waiting.length * (1 - MAX_CHARACTERS / characters));
      return take(Math.max(firstAfter(waiting, untilMs), tooMany, characters > MAX_CHARACTERS ? tooLong : 0));
    },
    end() {
      sort();
      return take(waiting.length);
    },
    late: () => late,
  };
}

/** How many of sorted entries are not after an instant. */
function firstAfter(entries: readonly Entry[], timeMs: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.timeMs ?? 0) <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
