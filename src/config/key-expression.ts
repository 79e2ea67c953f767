import { type JsonPointer, parsePointer } from "./json-pointer.ts";
import { didYouMean } from "./nearest.ts";
import { all, bad, ok, type Result } from "./result.ts";

/** Parts without and with an argument. `user` is short for `jwt:sub`. */
const PLAIN_PARTS = ["ip", "host", "path", "method", "country", "asn", "colo", "global"] as const;
const NAMED_PARTS = ["header", "cookie", "query", "param"] as const;
const MCP_NAMES = ["tool", "prompt", "method"] as const;

/** One property of a request that tells callers apart. */
export type KeyPart =
  | { readonly kind: (typeof PLAIN_PARTS)[number] }
  | { readonly kind: (typeof NAMED_PARTS)[number]; readonly name: string }
  | { readonly kind: "jwt"; readonly name: string }
  | { readonly kind: "mcp"; readonly name: (typeof MCP_NAMES)[number] }
  | { readonly kind: "body"; readonly name: string; readonly pointer: JsonPointer };

/** Alternatives: the first part that is present counts. */
export interface KeyGroup {
  readonly parts: readonly KeyPart[];
  /** Ends in `| none`: the policy does not apply when no part is present. */
  readonly orNone: boolean;
}

/** Groups that count together: `a | b + c` is (a or b) with c. */
export type KeyExpression = readonly KeyGroup[];

/** The names of all key parts, for documentation. */
export const KEY_PARTS: readonly string[] = [...PLAIN_PARTS, ...NAMED_PARTS, "user", "jwt", "mcp", "body"];

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
  if (kind === "user") return name === undefined ? ok(USER) : bad(`"user" takes no name; write "user"`);
  if (includes(PLAIN_PARTS, kind))
    return name === undefined ? ok({ kind }) : bad(`"${kind}" takes no name; write "${kind}"`);
  if (kind === "mcp") return parseMcp(name);
  if (kind === "body") return parseBody(name);
  if (kind !== "jwt" && !includes(NAMED_PARTS, kind))
    return bad(`unknown part "${part}"${didYouMean(kind, KEY_PARTS)}`);
  if (!name) return bad(`"${part}" needs a name, as in "${kind}:x"`);
  if (kind === "header" && !isFieldName(name)) return bad(`"${name}" is not a header name`);
  return ok({ kind, name: kind === "header" ? name.toLowerCase() : name });
}

const USER: KeyPart = { kind: "jwt", name: "sub" };

/** Whether it can be the name of a header (RFC 9110 section 5.1), as far as `|` and `+` leave it to us. */
export const isFieldName = (name: string): boolean => /^[\w!#$%&'*.^`~-]+$/.test(name);

function parseMcp(name = ""): Result<KeyPart> {
  const known = MCP_NAMES.find((one) => one === name.toLowerCase());
  const list = MCP_NAMES.map((one) => `"mcp:${one}"`).join(", ");
  return known
    ? ok({ kind: "mcp", name: known })
    : bad(`"mcp:${name}" is not one of ${list}${didYouMean(name, MCP_NAMES)}`);
}

function parseBody(name = ""): Result<KeyPart> {
  const pointer = parsePointer(name);
  return pointer.ok ? ok({ kind: "body", name, pointer: pointer.value }) : bad(`body: ${pointer.problem}`);
}

function includes<T extends string>(names: readonly T[], name: string): name is T {
  return (names as readonly string[]).includes(name);
}
