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
/**
 * Adds the rate limit fields of draft-ietf-httpapi-ratelimit-headers-11 and the X-RateLimit family to an
 * answer. An origin's own `RateLimit` fields stay in front when they are of the same generation.
 */
export function addRateLimitFields(
  headers: Headers,
  applied: readonly Applied[],
  families: ReadonlySet<HeaderFamily>,
): void {
  if (families.has("ratelimit")) addFields(headers, applied);
  if (families.has("x-ratelimit")) setXFields(headers, applied);
}

function addFields(headers: Headers, applied: readonly Applied[]): void {
  for (const name of OLDER_FIELDS) headers.delete(name);
  const policies = applied.map(({ quota: { name, quota } }) => `"${name}";q=${quota.limit};${unitOf(quota)}`);
  const states = decidedByStore(applied).map(
    ({ quota, decision }) => `"${quota.name}";r=${decision.remaining};t=${seconds(decision.moreRoomMs)}`,
  );
  appendList(headers, "RateLimit-Policy", policies);
  appendList(headers, "RateLimit", states);
}

const unitOf = ({ algorithm, windowMs }: Quota): string =>
  algorithm === CONCURRENCY ? `qu="concurrent-requests"` : `w=${windowMs / 1_000}`;

function appendList(headers: Headers, name: string, items: readonly string[]): void {
  const theirs = headers.get(name);
  const kept = theirs !== null && isListOfStrings(theirs) ? [theirs] : [];
  if (theirs !== null) headers.delete(name);
  if (kept.length + items.length > 0) headers.set(name, [...kept, ...items].join(", "));
}

/** Whether every member of a Structured Fields List is a String: so it is since draft 08. */
function isListOfStrings(list: string): boolean {
  const members = list.replace(/"(\\.|[^"\\])*"/g, '"').split(",");
  return members.every((member) => /^"([;\s]|$)/.test(member.trim()));
}

function setXFields(headers: Headers, applied: readonly Applied[]): void {
  const shown = mostRestrictive(applied);
  for (const name of FIELDS["x-ratelimit"]) headers.delete(name);
  if (!shown) return;
  const { quota, decision } = shown;
  headers.set("X-RateLimit-Limit", String(quota.quota.burst));
  headers.set("X-RateLimit-Remaining", String(decision.remaining));
  headers.set("X-RateLimit-Reset", String(seconds(decision.nowMs + decision.resetMs)));
}

const seconds = (ms: number): number => Math.ceil(ms / 1_000);
