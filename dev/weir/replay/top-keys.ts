export interface TopKey {
  readonly key: string;
  /** Never too small, and by at most `error` too large. */
  readonly count: number;
  readonly error: number;
}

/** Which keys occur most, in bounded memory. */
export interface TopKeys {
  add(key: string): void;
  /** How many keys there were; undefined when they were too many to tell. */
  distinct(): number | undefined;
  /** The most frequent ones, first the most. */
  top(count: number): TopKey[];
}

/**
 * Counts as the space-saving algorithm does, but drops the rarest keys by halves: one that comes (back) later starts at what a
 * dropped one had at most.
 *
 * @param maxKeys counts are exact as long as there are no more
 */
export function createTopKeys(maxKeys: number): TopKeys {
  let counts = new Map<string, { count: number; error: number }>();
  let floor = 0;

  function prune(): void {
    const ranked = [...counts].toSorted(([, one], [, other]) => other.count - one.count);
    floor = ranked[maxKeys]?.[1].count ?? floor;
    counts = new Map(ranked.slice(0, maxKeys));
  }

  return {
    add(key) {
      const known = counts.get(key);
      if (known) {
        known.count += 1;
        return;
      }
      counts.set(key, { count: floor + 1, error: floor });
      if (counts.size > 2 * maxKeys) prune();
    },
    distinct: () => (floor === 0 ? counts.size : undefined),
    top: (count) =>
      [...counts]
        .toSorted(([, one], [, other]) => other.count - one.count)
        .slice(0, count)
        .map(([key, counted]) => ({ key, ...counted })),
  };
}
