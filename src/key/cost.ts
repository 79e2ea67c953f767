import type { Policy } from "../config/config.ts";
import { CONCURRENCY, type Quota } from "../limit/quota.ts";
import type { RequestFacts } from "./request-facts.ts";

/**
 * What a request is charged with under a policy's quota, whole units. Where only the response knows, the estimate. A batch of
 * messages, which a policy about messages cannot look into, costs as much as all of them.
 */
export function costOf(policy: Policy, quota: Quota, facts: RequestFacts): number {
  const { cost, estimate } = policy;
  // However much a request is worth, it is one that is under way.
  if (quota.algorithm === CONCURRENCY) return cost.kind === "fixed" ? cost.units : 1;
  switch (cost.kind) {
    case "bytes":
      return 1;
    case "fixed":
      return times(cost.units, messagesOf(policy, facts));
    case "header":
      // Capped, so that what a caller writes is never more than it can pay.
      return Math.min(
        times(statedCost(facts.headers.get(cost.name)), messagesOf(policy, facts)),
        quota.burst,
      );
    case "response-header":
    case "response-json":
      return times(estimate, messagesOf(policy, facts));
  }
}

/** What a caller states, rounded up; anything else than a number, and less than 1, is 1. */
function statedCost(text: string | null): number {
  const cost = Math.ceil(parseDecimal(text ?? "") ?? 1);
  return Math.max(1, Math.min(cost, Number.MAX_SAFE_INTEGER));
}

/** A number as headers have it: decimal, not negative; undefined when it is none. */
export function parseDecimal(text: string): number | undefined {
  return /^\s*(\d+(\.\d*)?|\.\d+)(e\+?\d+)?\s*$/i.test(text) ? Number(text) : undefined;
}

/** How many messages the request holds for a policy that tells them apart: only a batch has several. */
function messagesOf({ key, limits }: Pick<Policy, "key" | "limits">, { body }: RequestFacts): number {
  if (body?.message.kind !== "unreadable") return 1;
  const isAboutMessages =
    key.some(({ parts }) => parts.some(({ kind }) => kind === "mcp")) ||
    (limits.kind === "table" && limits.by.kind === "mcp");
  return isAboutMessages ? body.message.messages : 1;
}

const times = (units: number, messages: number): number =>
  Math.min(units * messages, Number.MAX_SAFE_INTEGER);
