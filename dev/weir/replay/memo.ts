/** Remembers what was made for a key: the last so many that were asked for, and perhaps as many before. */
export function createMemo<V>(maxEntries: number): (key: string, make: () => V) => V {
  let recent = new Map<string, V>();
  let older = new Map<string, V>();
  return (key, make) => {
    const found = recent.get(key);
    if (found !== undefined) return found;
    const value = older.get(key) ?? make();
    if (recent.size >= maxEntries) {
      older = recent;
      recent = new Map();
    }
    recent.set(detached(key), value);
    return value;
  };
}

/** A text of its own: one cut out of a larger text keeps all of that in memory. */
export const detached = (text: string): string => Buffer.from(text, "utf8").toString("utf8");
