import type { ClientIpSource, Policy } from "../config/config.ts";
import type { KeyPart } from "../config/key-expression.ts";

/** The request fields, in lower case, that tell callers apart. */
export function keyHeaders(policies: readonly Policy[], clientIp: ClientIpSource): ReadonlySet<string> {
  const parts = policies.flatMap(({ key, limits }) => [
    ...key.flatMap((group) => group.parts),
    ...(limits.kind === "table" ? [limits.by] : []),
  ]);
  const address = clientIp.kind === "header" ? clientIp.name : "x-forwarded-for";
  return new Set([
    "host",
    "cf-connecting-ip",
    "cf-worker",
    "x-forwarded-for",
    address,
    ...parts.flatMap(fieldOf),
  ]);
}

function fieldOf(part: KeyPart): string[] {
  if (part.kind === "header") return [part.name];
  return part.kind === "cookie" ? ["cookie"] : [];
}
