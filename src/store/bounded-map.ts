/** A map that forgets the entry set longest ago when it would hold more than `maxEntries`. */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #maxEntries: number;
  /** Stays at the oldest entry: a new one for each that is forgotten would have to pass by what was deleted before it. */
  #oldest = this.#entries.keys();

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    while (this.#entries.size > this.#maxEntries) {
      const { value: oldest, done } = this.#oldest.next();
      if (done) this.#oldest = this.#entries.keys();
      else this.#entries.delete(oldest);
    }
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }
}
