/**
 * Which keys occur most, in bounded space (Space-Saving; Metwally, Agrawal, El Abbadi 2005). A key's count is never too low
 * while it is in the list, and too high by at most its error. A key with more than the `MAX_KEYS`th part of all occurrences is in it.
 */
export type KeyCounts = Map<string, readonly [count: number, error: number]>;

/** Lists by policy. */
export type ByPolicy = ReadonlyMap<string, KeyCounts>;

export const MAX_KEYS = 32;

/** Counts a key. When the list is full, a new one takes the place, and the count, of the one with the fewest. */
export function addKey(keys: KeyCounts, key: string, count = 1, error = 0, maxKeys = MAX_KEYS): void {
  const known = keys.get(key) ?? (keys.size < maxKeys ? [0, 0] : takeFewest(keys));
  keys.set(key, [known[0] + count, known[1] + error]);
}

/** Removes the key with the fewest; what it had is the count, and the error, that the next one starts from. */
function takeFewest(keys: KeyCounts): readonly [number, number] {
  let fewest = "";
  let least = Number.POSITIVE_INFINITY;
  for (const [key, [count]] of keys) {
    if (count >= least) continue;
    least = count;
    fewest = key;
  }
  keys.delete(fewest);
  return [least, least];
}

/** Adds lists to others, by policy: their errors add up, too. */
export function mergeKeys(into: Map<string, KeyCounts>, from: ByPolicy, maxKeys = MAX_KEYS): void {
  for (const [policy, keys] of from) {
    const own = into.get(policy) ?? new Map();
    into.set(policy, own);
    for (const [key, [count, error]] of keys) addKey(own, key, count, error, maxKeys);
  }
}

/** Adds lists up whole: as long as all of them together, and without an error of its own. */
export function sumKeys(all: readonly ByPolicy[]): Map<string, KeyCounts> {
  const sum = new Map<string, KeyCounts>();
  for (const one of all) mergeKeys(sum, one, Number.POSITIVE_INFINITY);
  return sum;
}
