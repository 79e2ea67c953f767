/** A pause is never longer: more is a clock that ran back. */
const MAX_PAUSE_MS = 10_000;
/** A pace of which less is left begins afresh: else three in one instant would be more than three, by a trace of what was long ago. */
const FORGOTTEN = 0.1;

/** How fast something has been going lately: an exponentially decaying sum. A class, since there may be thousands. */
export class Pace {
  readonly #decayMs: number;
  readonly #leastMs: number;
  #sum = 0;
  #atMs = 0;
  #sinceMs = 0;

  /**
   * @param decayMs what was noted so long ago counts a third
   * @param leastMs what has been going on for less is taken to have gone on for so long
   */
  constructor(decayMs = 1_000, leastMs = Number.POSITIVE_INFINITY) {
    this.#decayMs = decayMs;
    this.#leastMs = leastMs;
  }

  /** Units of about the last `decayMs`. What is just noted does not count before the next. */
  units(nowMs: number): number {
    return this.#sum * Math.exp(Math.min(0, this.#atMs - nowMs) / this.#decayMs);
  }

  /** Units per second when they come evenly. */
  perSecond(nowMs: number): number {
    const observedMs = Math.max(this.#leastMs, nowMs - this.#sinceMs);
    return (this.units(nowMs) * 1_000) / (this.#decayMs * (1 - Math.exp(-observedMs / this.#decayMs)));
  }

  note(units: number, nowMs: number): void {
    const left = this.units(nowMs);
    const isNew = left < FORGOTTEN;
    if (isNew) this.#sinceMs = nowMs;
    this.#sum = (isNew ? 0 : left) + units;
    this.#atMs = Math.max(nowMs, Math.min(this.#atMs, nowMs + MAX_PAUSE_MS));
  }

  /** Lets the time from now until then not count: nothing can go on in it. */
  pause(nowMs: number, untilMs: number): void {
    this.#sum = this.units(nowMs);
    // A pause within another takes no longer.
    this.#sinceMs += Math.max(0, untilMs - Math.max(nowMs, this.#atMs));
    this.#atMs = Math.max(this.#atMs, untilMs);
  }
}
