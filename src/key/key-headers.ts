import type { ClientIpSource, Policy } from "../config/config.ts";
import type { KeyPart } from "../config/key-expression.ts";

/** The request fields, in lower case, that tell callers apart or say what they cost. */
export function keyHeaders(policies: readonly Policy[], clientIp: ClientIpSource): ReadonlySet<string> {
  const parts = policies.flatMap(({ key, limits }) => [
    ...key.flatMap((group) => group.parts),
    ...(limits.kind === "table" ? [limits.by] : []),
  ]);
  const costs = policies.flatMap(({ cost }) => (cost.kind === "header" ? [cost.name] : []));
  const address = clientIp.kind === "header" ? clientIp.name : "x-forwarded-for";
  return new Set([
    "host",
    "cf-connecting-ip",
    "cf-worker",
    "x-forwarded-for",
    address,
    ...parts.flatMap(fieldOf),
    ...costs,
  ]);
}

function fieldOf(part: KeyPart): string[] {
  if (part.kind === "header") return [part.name];
  if (part.kind === "jwt") return ["authorization"];
  return part.kind === "cookie" ? ["cookie"] : [];
}
