/** A map that forgets the entries set longest ago when it would hold more than so many, or more than so many bytes. */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #bytesOf: (key: K) => number;
  #bytes = 0;
  /** Stays at the oldest entry: a new one for each that is forgotten would have to pass by what was deleted before it. */
  #oldest = this.#entries.keys();
  #sets = 0;

  /** @param bytesOf about what an entry takes, by its key */
  constructor(maxEntries: number, maxBytes = 0, bytesOf: (key: K) => number = () => 0) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
    this.#bytesOf = bytesOf;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  set(key: K, value: V): void {
    this.delete(key);
    this.#entries.set(key, value);
    this.#bytes += this.#bytesOf(key);
    this.#sets += 1;
    // Until it is asked for the next, an iterator of V8 holds on to every table that the map has outgrown.
    if (this.#sets % this.#maxEntries === 0) this.#oldest = this.#entries.keys();
    while (this.#entries.size > this.#maxEntries || this.#bytes > this.#maxBytes) {
      const { value: oldest, done } = this.#oldest.next();
      if (done) this.#oldest = this.#entries.keys();
      else this.delete(oldest);
    }
  }

  delete(key: K): void {
    if (this.#entries.delete(key)) this.#bytes -= this.#bytesOf(key);
  }
}
