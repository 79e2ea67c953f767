/**
 * Remembers what was made for a key: the last so many that were asked for, and perhaps as many before. What is made from the key
 * that `make` is given keeps nothing else in memory.
 */
export function createMemo<V>(maxEntries: number): (key: string, make: (key: string) => V) => V {
  let recent = new Map<string, V>();
  let older = new Map<string, V>();
  return (key, make) => {
    const found = recent.get(key);
    if (found !== undefined) return found;
    const own = detached(key);
    const value = older.get(own) ?? make(own);
    if (recent.size >= maxEntries) {
      older = recent;
      recent = new Map();
    }
    recent.set(own, value);
    return value;
  };
}

/** A text of its own: one cut out of a larger text keeps all of that in memory. */
const detached = (text: string): string => Buffer.from(text, "utf8").toString("utf8");
