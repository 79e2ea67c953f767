import type { HeaderFamily } from "../config/config.ts";
import { CONCURRENCY, type Quota } from "../limit/quota.ts";
import { type Applied, decidedByStore, mostRestrictive } from "./verdict.ts";

/** The fields of each family. */
export const FIELDS: { readonly [F in HeaderFamily]: readonly string[] } = {
  ratelimit: ["RateLimit", "RateLimit-Policy"],
  "x-ratelimit": ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"],
};
/** Fields of drafts before 07, which no reader understands beside the ones of today. */
const OLDER_FIELDS = ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"];

/** Values by the names of their fields. */
export type Fields = Readonly<Record<string, string>>;

/** The rate limit fields of draft-ietf-httpapi-ratelimit-headers-11 and the X-RateLimit family. */
export function rateLimitFields(applied: readonly Applied[], families: ReadonlySet<HeaderFamily>): Fields {
  return {
    ...(families.has("ratelimit") && listFields(applied)),
    ...(families.has("x-ratelimit") && xFields(applied)),
  };
}

/** Adds them to an answer of the origin. Its own `RateLimit` fields stay in front when they are of the same generation. */
export function addRateLimitFields(
  headers: Headers,
  applied: readonly Applied[],
  families: ReadonlySet<HeaderFamily>,
): void {
  const own = rateLimitFields(applied, families);
  for (const family of families) {
    if (family === "ratelimit") for (const name of OLDER_FIELDS) headers.delete(name);
    for (const name of FIELDS[family]) {
      const theirs = family === "ratelimit" ? headers.get(name) : null;
      const kept = theirs !== null && isListOfStrings(theirs) ? theirs : undefined;
      const value = kept && own[name] ? `${kept}, ${own[name]}` : (own[name] ?? kept);
      if (value === undefined) headers.delete(name);
      else headers.set(name, value);
    }
  }
}

function listFields(applied: readonly Applied[]): Fields {
  const policies = applied.map(({ quota: { name, quota } }) => `"${name}";q=${quota.limit};${unitOf(quota)}`);
  const states = decidedByStore(applied).map(
    ({ quota, decision }) => `"${quota.name}";r=${decision.remaining};t=${seconds(decision.moreRoomMs)}`,
  );
  return {
    ...(states.length > 0 && { RateLimit: states.join(", ") }),
    ...(policies.length > 0 && { "RateLimit-Policy": policies.join(", ") }),
  };
}

const unitOf = ({ algorithm, windowMs }: Quota): string =>
  algorithm === CONCURRENCY ? `qu="concurrent-requests"` : `w=${windowMs / 1_000}`;

/** Whether every member of a Structured Fields List is a String: so it is since draft 08. */
function isListOfStrings(list: string): boolean {
  const members = list.replace(/"(\\.|[^"\\])*"/g, '"').split(",");
  return members.every((member) => /^"([;\s]|$)/.test(member.trim()));
}

function xFields(applied: readonly Applied[]): Fields {
  const shown = mostRestrictive(applied);
  if (!shown) return {};
  const { quota, decision } = shown;
  return {
    "X-RateLimit-Limit": String(quota.quota.burst),
    "X-RateLimit-Remaining": String(decision.remaining),
    "X-RateLimit-Reset": String(seconds(decision.nowMs + decision.resetMs)),
  };
}

const seconds = (ms: number): number => Math.ceil(ms / 1_000);
