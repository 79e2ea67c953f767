/** What a JSON Pointer leads to (RFC 6901), by its unescaped tokens; undefined when nothing is there. */
export function valueAt(value: unknown, pointer: readonly string[]): unknown {
  return pointer.reduce(memberOf, value);
}

/** Whether some reader may find another value there: a member on the way has a lookalike. */
export function isAmbiguous(value: unknown, pointer: readonly string[]): boolean {
  let at = value;
  for (const token of pointer) {
    if (hasLookalike(at, token)) return true;
    at = memberOf(at, token);
  }
  return false;
}

/**
 * Whether a member is named like this one but for letter case, by Unicode's rules (`paramſ` is one too): some origins take it
 * for the real one.
 */
export function hasLookalike(value: unknown, name: string): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const anyCase = new RegExp(`^${RegExp.escape(name)}$`, "iu");
  return Object.keys(value).some((key) => key !== name && anyCase.test(key));
}

function memberOf(value: unknown, token: string): unknown {
  if (Array.isArray(value)) return /^(0|[1-9]\d*)$/.test(token) ? value[Number(token)] : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  return Object.hasOwn(value, token) ? (value as Record<string, unknown>)[token] : undefined;
}
