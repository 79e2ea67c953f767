import { didYouMean } from "./nearest.ts";
import { all, bad, ok, type Result } from "./result.ts";

/** Parts without and with an argument, and those of a later release. */
const PLAIN_PARTS = ["ip", "host", "path", "method", "country", "asn", "colo", "global"] as const;
const NAMED_PARTS = ["header", "cookie", "query", "param"] as const;
export const LATER_PARTS = ["jwt", "user", "mcp", "body"] as const;

/** One property of a request that tells callers apart. */
export type KeyPart =
  | { readonly kind: (typeof PLAIN_PARTS)[number] }
  | { readonly kind: (typeof NAMED_PARTS)[number]; readonly name: string };

/** Alternatives: the first part that is present counts. */
export interface KeyGroup {
  readonly parts: readonly KeyPart[];
  /** Ends in `| none`: the policy does not apply when no part is present. */
  readonly orNone: boolean;
}

/** Groups that count together: `a | b + c` is (a or b) with c. */
export type KeyExpression = readonly KeyGroup[];

/** The names of all key parts, for documentation. */
export const KEY_PARTS: readonly string[] = [...PLAIN_PARTS, ...NAMED_PARTS];

export function parseKeyExpression(text: string): Result<KeyExpression> {
  return all(text.split("+").map((group) => parseGroup(group)));
}

function parseGroup(text: string): Result<KeyGroup> {
  const names = text.split("|").map((name) => name.trim());
  const orNone = names.length > 1 && names.at(-1) === "none";
  const parts = all((orNone ? names.slice(0, -1) : names).map((name) => parseKeyPart(name)));
  return parts.ok ? ok({ parts: parts.value, orNone }) : parts;
}

/** One part: `ip`, `header:x-user-id`. */
export function parseKeyPart(text: string): Result<KeyPart> {
  const part = text.trim();
  const colon = part.indexOf(":");
  const kind = (colon < 0 ? part : part.slice(0, colon)).trim().toLowerCase();
  const name = colon < 0 ? undefined : part.slice(colon + 1).trim();
  if (part === "") return bad(`has an empty part; write it like "header:x-user-id | ip"`);
  if (kind === "none") return bad(`"none" can only stand last after "|", as in "header:x-tenant | none"`);
  if (includes(LATER_PARTS, kind)) return bad(`the part "${part}" is not supported yet`);
  if (includes(PLAIN_PARTS, kind))
    return name === undefined ? ok({ kind }) : bad(`"${kind}" takes no name; write "${kind}"`);
  if (!includes(NAMED_PARTS, kind)) return bad(`unknown part "${part}"${didYouMean(kind, KEY_PARTS)}`);
  if (!name) return bad(`"${part}" needs a name, as in "${kind}:x"`);
  if (kind === "header" && !/^[\w!#$%&'*.^`~-]+$/.test(name)) return bad(`"${name}" is not a header name`);
  return ok({ kind, name: kind === "header" ? name.toLowerCase() : name });
}

function includes<T extends string>(names: readonly T[], name: string): name is T {
  return (names as readonly string[]).includes(name);
}
