/** The part of the entries that is let go at once when all are live, so that sweeping pays. */
const FREED_SHARE = 0.1;
/** Swept when there are twice as many as counted at the last time, and no less than this. */
const LEAST_SWEPT = 50_000;

/** Values by key, of which at most so many are kept: idle ones go first, and then, counted, those known longest. */
export interface LiveMap<V> extends ReadonlyMap<string, V> {
  set(key: string, value: V, nowMs: number): void;
  /** How many had to go although they still counted. */
  readonly dropped: number;
  /** Lets go of everything. */
  clear(): void;
}

/**
 * @param idleAtMs the instant from which a value means nothing
 * @param onGone hears of each value that is let go
 */
export function createLiveMap<V>(
  maxKeys: number,
  idleAtMs: (value: V) => number,
  onGone: (key: string, value: V) => void = () => {},
): LiveMap<V> {
  return new SweptMap(maxKeys, idleAtMs, onGone);
}

class SweptMap<V> extends Map<string, V> implements LiveMap<V> {
  readonly #maxKeys: number;
  readonly #idleAtMs: (value: V) => number;
  readonly #onGone: (key: string, value: V) => void;
  #sweepAt: number;
  dropped = 0;

  constructor(maxKeys: number, idleAtMs: (value: V) => number, onGone: (key: string, value: V) => void) {
    super();
    this.#maxKeys = maxKeys;
    this.#idleAtMs = idleAtMs;
    this.#onGone = onGone;
    this.#sweepAt = Math.min(maxKeys, LEAST_SWEPT);
  }

  override set(key: string, value: V, nowMs = Number.NEGATIVE_INFINITY): this {
    if (this.size >= this.#sweepAt && !this.has(key)) this.#sweep(nowMs);
    return super.set(key, value);
  }

  override clear(): void {
    for (const [key, value] of this) this.#onGone(key, value);
    super.clear();
  }

  #sweep(nowMs: number): void {
    for (const [key, value] of this) if (this.#idleAtMs(value) <= nowMs) this.#let(key, value);
    if (this.size >= this.#maxKeys) this.#drop(Math.floor(this.#maxKeys * (1 - FREED_SHARE)));
    this.#sweepAt = Math.min(this.#maxKeys, Math.max(LEAST_SWEPT, 2 * this.size));
  }

  #drop(most: number): void {
    for (const [key, value] of this) {
      if (this.size <= most) return;
      this.#let(key, value);
      this.dropped += 1;
    }
  }

  #let(key: string, value: V): void {
    this.delete(key);
    this.#onGone(key, value);
  }
}
