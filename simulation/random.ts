/** A stream of numbers that only depends on its seed. */
export interface Random {
  /** From 0 up to, not including, 1. */
  fraction(): number;
  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly [T, ...T[]]): T;
  /** Milliseconds to the next of what comes at random, so many a second on average. */
  gapMs(perSecond: number): number;
  /** Another stream, which goes on alike whatever is drawn from this one. */
  fork(name: string): Random;
}

export const createRandom = (seed: number, name = ""): Random =>
  randomOf(sfc32(seed, hash(name)), seed, name);

function randomOf(fraction: () => number, seed: number, name: string): Random {
  const between = (min: number, max: number) => min + Math.floor(fraction() * (max - min + 1));
  return {
    fraction,
    between,
    chance: (probability) => fraction() < probability,
    pick: (list) => list[between(0, list.length - 1)] ?? list[0],
    gapMs: (perSecond) => (-Math.log(1 - fraction()) * 1_000) / perSecond,
    fork: (own) => createRandom(seed, `${name}/${own}`),
  };
}

/** Chris Doty-Humphrey's Small Fast Counting generator, 32 bits. */
function sfc32(seed: number, stream: number): () => number {
  let [a, b, c, counter] = [seed | 0, (seed / 2 ** 32) | 0, stream | 0, 1];
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
  // So that near seeds go apart.
  for (let i = 0; i < 12; i++) next();
  return next;
}

/** FNV-1a, also what histories are compared by. */
export function hash(text: string, from = 0x811c9dc5): number {
  let value = from;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
