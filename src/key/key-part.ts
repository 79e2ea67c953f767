import { parse } from "hono/utils/cookie";
import type { KeyPart } from "../config/key-expression.ts";
import { addressKey } from "./client-address.ts";
import type { PathFacts, RequestFacts } from "./request-facts.ts";

/** A part's value, trimmed; undefined when it is absent. Blank counts as absent. */
export function partValue(
  part: KeyPart,
  facts: RequestFacts,
  matched: PathFacts,
  ipv6Prefix: number,
): string | undefined {
  return rawValue(part, facts, matched, ipv6Prefix)?.trim() || undefined;
}

/** How a part is written in the configuration: `ip`, `header:x-user-id`. */
export const partName = (part: KeyPart): string => ("name" in part ? `${part.kind}:${part.name}` : part.kind);

function rawValue(
  part: KeyPart,
  { method, url, headers, address, edge }: RequestFacts,
  { path, params }: PathFacts,
  ipv6Prefix: number,
): string | null | undefined {
  switch (part.kind) {
    case "ip":
      return addressKey(address, headers, ipv6Prefix);
    case "header":
      return headers.get(part.name);
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
