/** Numbers from 0 up to 1 that depend only on the seed (the generator is mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One of some values, each as likely as its weight says. */
export function createChoice<T>(
  weighted: readonly (readonly [value: T, weight: number])[],
  random: () => number,
): () => T {
  const total = weighted.reduce((sum, [, weight]) => sum + weight, 0);
  const [first] = weighted;
  if (!first) throw new Error("nothing to choose from");
  return () => {
    let left = random() * total;
    for (const [value, weight] of weighted) {
      left -= weight;
      if (left < 0) return value;
    }
    return first[0];
  };
}
