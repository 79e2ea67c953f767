import type { Claims } from "./token-verifier.ts";

/**
 * The claim of a name, or else of a dotted path: `org.id` is a claim of just that name, or `id` inside `org`. Undefined when
 * there is none.
 */
export function claimAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const step of name.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[step];
  }
  return value;
}
