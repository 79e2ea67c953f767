/** A request's body as key parts see it. */
export type JsonBody =
  | { readonly kind: "absent" }
  | { readonly kind: "json"; readonly value: unknown }
  | Unreadable;

/** Without a value that every reader of it agrees on. */
export interface Unreadable {
  readonly kind: "unreadable";
  /** How many messages it may hold as a batch of JSON-RPC, at least 1; Infinity when that cannot be told. */
  readonly messages: number;
}

export const unreadable = (messages = 1): Unreadable => ({ kind: "unreadable", messages });

/** `application/json`, or anything that ends in `+json`. */
const JSON_TYPE = /^(application\/json|[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\+json)$/;

/** Every string of a JSON text; group 1 is there when it is the name of a member. */
const STRINGS = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g;

/**
 * Reads a body as JSON. An object that names a member twice is unreadable: the origin may take another
 * of the two than we would.
 */
export function parseJsonBody(bytes: Uint8Array): JsonBody {
  if (bytes.length === 0) return { kind: "absent" };
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
    const value: unknown = JSON.parse(text);
    if (countNames(text) === countMembers(value)) return { kind: "json", value };
    return unreadable(Array.isArray(value) ? Math.max(1, value.length) : 1);
  } catch {
    return unreadable();
  }
}

/** Whether a Content-Type says JSON, whatever its parameters. */
export function isJsonType(contentType: string): boolean {
  return JSON_TYPE.test(contentType.replace(/;.*/, "").trim().toLowerCase());
}

/** How often a JSON text names a member. The text must be valid. */
function countNames(text: string): number {
  let names = 0;
  for (const [, colon] of text.matchAll(STRINGS)) if (colon !== undefined) names += 1;
  return names;
}

/** How many members all objects in a value have. Not recursive: nesting may be deeper than the stack. */
function countMembers(root: unknown): number {
  const unseen = [root];
  let members = 0;
  while (unseen.length > 0) {
    const value = unseen.pop();
    if (typeof value !== "object" || value === null) continue;
    const inner: unknown[] = Object.values(value);
    if (!Array.isArray(value)) members += inner.length;
    for (const one of inner) unseen.push(one);
  }
  return members;
}
