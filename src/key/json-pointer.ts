/** What a JSON Pointer leads to (RFC 6901), by its unescaped tokens; undefined when nothing is there. */
export function valueAt(value: unknown, pointer: readonly string[]): unknown {
  return pointer.reduce(memberOf, value);
}

function memberOf(value: unknown, token: string): unknown {
  if (Array.isArray(value)) return /^(0|[1-9]\d*)$/.test(token) ? value[Number(token)] : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  return Object.hasOwn(value, token) ? (value as Record<string, unknown>)[token] : undefined;
}
