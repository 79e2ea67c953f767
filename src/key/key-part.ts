import { parse } from "hono/utils/cookie";
import type { KeyPart } from "../config/key-expression.ts";
import { claimAt } from "./claim.ts";
import { addressKey } from "./client-address.ts";
import { isAmbiguous, valueAt } from "./json-pointer.ts";
import type { Need, PathFacts, RequestFacts } from "./request-facts.ts";

/** What a part says of a request. */
export type Reading =
  /** Trimmed, never blank. */
  | { readonly kind: "value"; readonly text: string }
  | { readonly kind: "absent" }
  /** The body holds it, but cannot be read. */
  | { readonly kind: "unreadable" }
  /** It cannot be told before this has been looked at. */
  | { readonly kind: "unknown"; readonly needs: Need };

const ABSENT: Reading = { kind: "absent" };
const UNREADABLE: Reading = { kind: "unreadable" };

/** Reads a part of a request. Blank counts as absent. */
export function readPart(part: KeyPart, facts: RequestFacts, matched: PathFacts): Reading {
  switch (part.kind) {
    case "jwt":
      if (!facts.claims) return { kind: "unknown", needs: "token" };
      return present(textOf(claimAt(facts.claims, part.name)));
    case "mcp":
    case "body":
      return facts.body ? readBodyPart(part, facts.body) : { kind: "unknown", needs: "body" };
    default:
      return present(cheapValue(part, facts, matched));
  }
}

/** How a part is written in the configuration: `ip`, `header:x-user-id`. */
export const partName = (part: KeyPart): string => ("name" in part ? `${part.kind}:${part.name}` : part.kind);

type BodyPart = Extract<KeyPart, { readonly kind: "mcp" | "body" }>;

function readBodyPart(part: BodyPart, { json, message }: NonNullable<RequestFacts["body"]>): Reading {
  const { kind } = part.kind === "mcp" ? message : json;
  if (kind === "unreadable") return UNREADABLE;
  if (part.kind === "mcp") return message.kind === "message" ? present(message[part.name]) : ABSENT;
  if (json.kind !== "json") return ABSENT;
  if (isAmbiguous(json.value, part.pointer)) return UNREADABLE;
  return present(textOf(valueAt(json.value, part.pointer)));
}

function present(text: string | null | undefined): Reading {
  const trimmed = text?.trim();
  return trimmed ? { kind: "value", text: trimmed } : ABSENT;
}

/** Lists and objects are no names for a caller. */
function textOf(value: unknown): string | undefined {
  return ["string", "number", "boolean"].includes(typeof value) ? String(value) : undefined;
}

/** Authorization in one spelling: the scheme's letter case and the space behind it mean nothing (RFC 9110 section 11.4). */
export const credentials = (field: string | null): string | undefined =>
  field?.trim().replace(/^(\S+)\s+/, (_, scheme: string) => `${scheme.toLowerCase()} `);

function cheapValue(
  part: Exclude<KeyPart, { readonly kind: "jwt" | "mcp" | "body" }>,
  { method, url, headers, address, edge }: RequestFacts,
  { path, params }: PathFacts,
): string | null | undefined {
  switch (part.kind) {
    case "ip":
      return addressKey(address, headers);
    case "header":
      return part.name === "authorization"
        ? credentials(headers.get("authorization"))
        : headers.get(part.name);
    case "cookie":
      return parse(headers.get("cookie") ?? "", part.name)[part.name];
    case "query":
      return url.searchParams.get(part.name);
    case "param":
      return Object.hasOwn(params, part.name) ? params[part.name] : undefined;
    case "host":
      return url.hostname.replace(/\.$/, "");
    case "path":
      return path;
    case "method":
      return method;
    case "country":
      return edge.country;
    case "asn":
      return edge.asn?.toString();
    case "colo":
      return edge.colo;
    case "global":
      return "all";
  }
}
