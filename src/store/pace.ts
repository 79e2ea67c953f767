/** The longest that a pause may take: more is a clock that ran back. */
const MAX_PAUSE_MS = 10_000;

/** How fast something has been going lately: an exponentially decaying sum. A class, since there may be thousands. */
export class Pace {
  readonly #decayMs: number;
  #sum = 0;
  #atMs = 0;

  /** @param decayMs what was noted so long ago counts a third */
  constructor(decayMs = 1_000) {
    this.#decayMs = decayMs;
  }

  /** Units of about the last `decayMs`. What is just noted does not count before the next. */
  units(nowMs: number): number {
    return this.#sum * Math.exp(Math.min(0, this.#atMs - nowMs) / this.#decayMs);
  }

  /** Units per second when they come evenly. */
  perSecond(nowMs: number): number {
    return (this.units(nowMs) * 1_000) / this.#decayMs;
  }

  note(units: number, nowMs: number): void {
    this.#sum = this.units(nowMs) + units;
    this.#atMs = Math.max(nowMs, Math.min(this.#atMs, nowMs + MAX_PAUSE_MS));
  }

  /** Lets the time from now until then not count: nothing can go on in it. */
  pause(nowMs: number, untilMs: number): void {
    this.#sum = this.units(nowMs);
    this.#atMs = untilMs;
  }
}
