/** A key as `key/key-values.ts` writes it, in words: `ip 192.0.2.7 + header:x-user-id ann`. */
export function readableKey(key: string): string {
  const groups: string[] = [];
  for (let at = 0; at < key.length; ) {
    const mark = key[at];
    const name = sized(key, at + 1);
    if (!name) return key;
    at = name.end;
    if (mark === "-") groups.push(`no ${name.text}`);
    else if (mark === "!") groups.push(`unreadable ${name.text}`);
    else {
      const value = sized(key, at);
      if (!value) return key;
      at = value.end;
      groups.push(`${name.text} ${value.text}`);
    }
  }
  return groups.join(" + ").replace(/[\p{Cc}\p{Cf}]/gu, "?");
}

/** A text behind its length; undefined when there is none, as in keys that were shortened. */
function sized(key: string, at: number): { text: string; end: number } | undefined {
  const colon = key.indexOf(":", at);
  const length = Number(key.slice(at, colon));
  const end = colon + 1 + length;
  return colon > at && Number.isInteger(length) && end <= key.length
    ? { text: key.slice(colon + 1, end), end }
    : undefined;
}
