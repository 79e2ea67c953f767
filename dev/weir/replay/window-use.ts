import type { Quota } from "../../../src/limit/quota.ts";

/** Instants that a window is counted by exactly; with more, by parts of it. */
const MAX_INSTANTS = 256;
const PARTS = 127;
/** Numbers up to which entries are copied for each new one: an array that grows by itself takes room for many more, and most windows have few. */
const SMALL = 16;

/** What one caller would have used of one quota, had nothing been refused. A class, as there are many at a time. */
export class WindowUse {
  readonly #windowMs: number;
  /** `[time, cost, time, cost, ...]`, oldest first, from `#head` on. */
  #entries: number[] = [];
  #head = 0;
  #total = 0;
  #peak = 0;
  #isCoarse = false;
  #latestMs = 0;
  /** Which window of the clock was counted last, and what of it was used. */
  #clockWindow = -1;
  #clockUsed = 0;
  #clockRank = 0;
  #clockPeak = 0;
  #ended = 0;

  constructor({ windowMs }: Quota) {
    this.#windowMs = windowMs;
  }

  /** The most in any trailing window, the request itself included. */
  get peak(): number {
    return this.#peak;
  }

  /** The most in any window of the clock. */
  get clockPeak(): number {
    return this.#clockPeak;
  }

  /** The instant from which nothing of it counts. */
  get idleAtMs(): number {
    return this.#latestMs + this.#windowMs + this.#partMs;
  }

  /** What was used of the window of the clock that the last request ended; 0 when it ended none. */
  get ended(): number {
    return this.#ended;
  }

  /** What the window of the clock held with the last request. */
  get clockRank(): number {
    return this.#clockRank;
  }

  /** What was used of the current window of the clock. */
  get clockUsed(): number {
    return this.#clockUsed;
  }

  /**
   * What the trailing window holds with this request, whole units of cost.
   *
   * @param counts whether it goes on counting; one that is given back does not
   */
  note(timeMs: number, cost: number, counts: boolean): number {
    // As in the limiter, time never runs back for a key.
    if (timeMs > this.#latestMs) this.#latestMs = timeMs;
    this.#forget();
    const used = this.#total + cost;
    if (used > this.#peak) this.#peak = used;
    this.#noteClock(cost, counts);
    if (!counts) return used;
    this.#total = used;
    this.#push(this.#isCoarse ? this.#endOfPart(this.#latestMs) : this.#latestMs, cost);
    if (!this.#isCoarse && this.#entries.length - this.#head > 2 * MAX_INSTANTS) this.#coarsen();
    return used;
  }

  get #partMs(): number {
    return Math.ceil(this.#windowMs / PARTS);
  }

  #endOfPart(timeMs: number): number {
    return Math.ceil(timeMs / this.#partMs) * this.#partMs;
  }

  #forget(): void {
    const entries = this.#entries;
    const sinceMs = this.#latestMs - this.#windowMs;
    let head = this.#head;
    while (head < entries.length && (entries[head] as number) <= sinceMs) {
      this.#total -= entries[head + 1] as number;
      head += 2;
    }
    this.#head = head;
    if (head < 128 || head * 2 < entries.length) return;
    this.#entries = entries.slice(head);
    this.#head = 0;
  }

  #push(timeMs: number, cost: number): void {
    const entries = this.#entries;
    const last = entries.length - 2;
    if (last >= this.#head && entries[last] === timeMs)
      entries[last + 1] = (entries[last + 1] as number) + cost;
    else if (entries.length < SMALL) this.#entries = [...entries, timeMs, cost];
    else entries.push(timeMs, cost);
  }

  /** Each at the end of its part, where it counts a little longer: never too little. */
  #coarsen(): void {
    this.#isCoarse = true;
    const old = this.#entries.slice(this.#head);
    this.#entries = [];
    this.#head = 0;
    for (let i = 0; i < old.length; i += 2)
      this.#push(this.#endOfPart(old[i] as number), old[i + 1] as number);
  }

  #noteClock(cost: number, counts: boolean): void {
    const current = Math.floor(this.#latestMs / this.#windowMs);
    const isNew = current !== this.#clockWindow;
    this.#ended = isNew ? this.#clockUsed : 0;
    if (isNew) this.#clockUsed = 0;
    this.#clockWindow = current;
    const used = this.#clockUsed + cost;
    this.#clockRank = used;
    if (used > this.#clockPeak) this.#clockPeak = used;
    if (counts) this.#clockUsed = used;
  }
}
