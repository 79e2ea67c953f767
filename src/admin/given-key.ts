import { KEY_PARTS, type KeyGroup, type KeyPart, parseKeyPart } from "../config/key-expression.ts";
import { didYouMean } from "../config/nearest.ts";
import type { Report } from "../config/problem.ts";
import { addressKey, clientAddress } from "../key/client-address.ts";
import { credentials, partName, type Reading } from "../key/key-part.ts";
import { pathForms } from "../policy/path-forms.ts";

/** What an operator gave of a key: values by part, each as a request's would be read. Blank ones are left out. */
export type Given = ReadonlyMap<string, string>;

/** Reads `{"header:x-user-id": "alice"}`. Reports what is wrong with it, and never repeats a value. */
export function parseGiven(input: unknown, ipv6Prefix: number, report: Report): Given {
  const given = new Map<string, string>();
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    report("key", `must be an object; write it like {"ip": "203.0.113.7"}`);
    return given;
  }
  for (const [written, value] of Object.entries(input)) {
    const part = parseKeyPart(written);
    if (!part.ok) {
      // It may be a value in the wrong place.
      const [kind = ""] = written.split(":");
      report("key", `has a name that is no key part${didYouMean(kind, KEY_PARTS)}`);
      continue;
    }
    const path = `key.${partName(part.value)}`;
    const text = ["string", "number", "boolean"].includes(typeof value) ? String(value).trim() : undefined;
    const read = text && asRead(part.value, text, ipv6Prefix);
    if (text === undefined) report(path, "must be text, a number, true or false");
    else if (read === undefined) report(path, `is not what "${part.value.kind}" can be`);
    else if (given.has(partName(part.value))) report(path, "is given twice");
    else if (read) given.set(partName(part.value), read);
  }
  return given;
}

/** A value as it stands in the key of a request that has it; undefined when no request can have it. */
function asRead(part: KeyPart, text: string, ipv6Prefix: number): string | undefined {
  switch (part.kind) {
    case "ip":
      return addressRead(text, ipv6Prefix);
    case "header":
      return part.name === "authorization" ? credentials(text) : text;
    case "host":
      return URL.parse(`http://${text}`)?.hostname.replace(/\.$/, "");
    case "path":
      return text.startsWith("/") ? pathForms(URL.parse(`http://host${text}`)?.pathname ?? "")[0] : undefined;
    case "param":
      return text.toLowerCase();
    case "mcp":
      return part.name === "method" ? text : text.toLowerCase();
    case "asn":
      return text.replace(/^as/i, "");
    case "method":
    case "country":
    case "colo":
      return text.toUpperCase();
    default:
      return text;
  }
}

/** An address, its network as `IPV6_PREFIX` cuts it, or what callers without one are known by: `unknown`, `worker ZONE`. */
function addressRead(text: string, ipv6Prefix: number): string | undefined {
  if (/^(unknown|worker .+)$/i.test(text)) return text.toLowerCase();
  const ending = `/${ipv6Prefix}`;
  const isNetwork = text.includes(":") && text.endsWith(ending);
  const address = clientAddress(isNetwork ? text.slice(0, -ending.length) : text, ipv6Prefix);
  return address && addressKey(address, new Headers());
}

/** What a request that has just these values would say of a part. */
export const readGiven =
  (given: Given) =>
  (part: KeyPart): Reading => {
    const text = part.kind === "global" ? "all" : given.get(partName(part));
    return text === undefined ? { kind: "absent" } : { kind: "value", text };
  };

/** Whether one of a group's parts was given. */
export const isGiven = (given: Given, { parts }: KeyGroup): boolean =>
  parts.some((part) => readGiven(given)(part).kind === "value");

/** Every request has one of these: a key without it is nobody's. */
const NEVER_ABSENT = ["ip", "host", "path", "method"];

/** Whether a request may have these of the group's parts, and a key. Without `mcp:` parts it is no message to such a group. */
export function isComplete(given: Given, group: KeyGroup): boolean {
  const mcp = group.parts.filter(({ kind }) => kind === "mcp");
  if (mcp.length > 0) return isGiven(given, { ...group, parts: mcp });
  const mayBeAbsent = !group.orNone && !group.parts.some(({ kind }) => NEVER_ABSENT.includes(kind));
  return mayBeAbsent || isGiven(given, group);
}
