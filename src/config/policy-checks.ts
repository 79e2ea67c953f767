import { MAX_CAPACITY_MS } from "../limit/quota.ts";
import type { KeyPart } from "./key-expression.ts";
import type { PolicyEntry } from "./limit-overrides.ts";
import { didYouMean } from "./nearest.ts";
import { paramNames } from "./pattern.ts";
import type { WrittenLimit, WrittenPolicy } from "./policy-schema.ts";
import type { Report } from "./problem.ts";
import { type Rate, rateText } from "./rate.ts";

/** Reports what the fields of one policy mean together that makes no sense. */
export function checkPolicy(entry: PolicyEntry, verifiesTokens: boolean, report: Report): void {
  const { path, policy } = entry;
  checkBurst(path, policy, report);
  checkParams(path, policy, report);
  if (!verifiesTokens) checkTokens(path, policy, report);
  checkMcp(path, policy, report);
  checkEstimate(path, policy, report);
  checkSubject(path, policy, report);
  if (policy.lease) checkLease(path, policy, report);
  checkCapacity(entry, report);
}

function checkBurst(path: string, { algorithm, burst, limit }: WrittenPolicy, report: Report): void {
  if (burst === undefined) return;
  if (algorithm !== undefined && algorithm !== "token-bucket") {
    report(`${path}.burst`, `is only for algorithm = "token-bucket", not "${algorithm}"`);
  }
  if (limit && ratesOf(limit).some((rates) => rates.length > 1)) {
    report(`${path}.burst`, "is only for policies with one quota");
  }
}

/** The parts that a policy reads, with the field each stands in. */
function partsOf({ key, limit }: WrittenPolicy): { field: string; part: KeyPart }[] {
  const inKey = key?.flatMap(({ parts }) => parts) ?? [];
  const inLimit = limit?.kind === "table" ? [{ field: "limit.by", part: limit.by }] : [];
  return [...inKey.map((part) => ({ field: "key", part })), ...inLimit];
}

function checkParams(path: string, policy: WrittenPolicy, report: Report): void {
  if (!policy.match) return;
  const known = policy.match.flatMap(paramNames);
  for (const { field, part } of partsOf(policy)) {
    if (part.kind !== "param" || known.includes(part.name)) continue;
    report(
      `${path}.${field}`,
      `"param:${part.name}" is not in the policy's match${didYouMean(part.name, known)}`,
    );
  }
}

/** Without a key nobody's token could ever be verified, and every caller would count as one without. */
function checkTokens(path: string, policy: WrittenPolicy, report: Report): void {
  for (const { field, part } of partsOf(policy)) {
    if (part.kind !== "jwt") continue;
    const written = part.name === "sub" ? `"user" (jwt:sub)` : `"jwt:${part.name}"`;
    report(`${path}.${field}`, `${written} needs JWT_SECRET or JWKS_URL to verify tokens with`);
  }
}

/** A message calls a tool or gets a prompt: a key that wants both would never apply. */
function checkMcp(path: string, { key = [] }: WrittenPolicy, report: Report): void {
  const wants = (name: string) =>
    key.some(({ parts }) => {
      const mcp = parts.flatMap((part) => (part.kind === "mcp" ? [part.name] : []));
      return mcp.length > 0 && mcp.every((one) => one === name);
    });
  if (wants("tool") && wants("prompt"))
    report(`${path}.key`, `no message has both a tool and a prompt; write "mcp:tool | mcp:prompt"`);
}

function checkEstimate(path: string, { cost, estimate }: WrittenPolicy, report: Report): void {
  if (estimate === undefined || !cost || cost.kind.startsWith("response-")) return;
  report(
    `${path}.estimate`,
    `is only for a cost that the response tells: "response-header:NAME" or "response-json:/pointer"`,
  );
}

/** What belongs to responses is nothing for a socket or a message, and the other way round. */
function checkSubject(path: string, policy: WrittenPolicy, report: Report): void {
  const { on, cost, count, lockout, strikes, limit } = policy;
  if (on === undefined) return;
  const isResponse = cost?.kind.startsWith("response-");
  if (on !== "request" && isResponse)
    report(`${path}.cost`, `is only for on = "request": it is a response's`);
  if (on !== "request" && count) report(`${path}.count`, `is only for on = "request": it is about responses`);
  if (on === "message" && cost?.kind === "header")
    report(`${path}.cost`, "cannot be a header's: messages have none");
  if (on === "message" && lockout) report(`${path}.lockout`, "is not for messages; use strikes");
  if (on !== "message" && cost?.kind === "bytes")
    report(`${path}.cost`, `"bytes" is only for on = "message"`);
  if (on !== "message" && strikes !== undefined) report(`${path}.strikes`, `is only for on = "message"`);
  if (on === "message" && hasConcurrency(limit))
    report(`${path}.limit`, "a message is over at once: concurrent is for requests and connections");
  for (const { field, part } of partsOf(policy)) {
    if (on !== "request" && (part.kind === "mcp" || part.kind === "body"))
      report(
        `${path}.${field}`,
        `"${part.kind}:${part.name}" needs a body, and opening a WebSocket has none`,
      );
  }
}

/** A lease is admitted before anybody asks: what has to see every request, or to give it back, cannot be leased. */
function checkLease(path: string, policy: WrittenPolicy, report: Report): void {
  const { algorithm, limit, on, cost, count, lockout } = policy;
  const cannot = (reason: string) => report(`${path}.lease`, `${reason}; remove it`);
  if (algorithm && algorithm !== "sliding-window")
    cannot(`is only for algorithm = "sliding-window", not "${algorithm}"`);
  if (hasConcurrency(limit)) cannot('is not for "concurrent": what is under way is given back one by one');
  if (on === "message") cannot("is not for messages, which are paid ahead anyway");
  if (count) cannot("is not for policies with count: what is refunded must be known to the store");
  if (cost?.kind.startsWith("response-")) cannot("is not for a cost that only the response tells");
  if (lockout) cannot("is not for policies with lockout: the store counts their refusals");
}

function checkCapacity({ path, limitPath, policy }: PolicyEntry, report: Report): void {
  const { limit, burst = 0 } = policy;
  const rates = limit ? ratesOf(limit).flat() : [];
  const fits = (capacity: number) =>
    rates.every(({ windowMs = 1 }) => capacity * windowMs <= MAX_CAPACITY_MS);
  // Slots count for hours at most.
  const tooLarge = rates.find(({ limit, windowMs = 86_400_000 }) => limit * windowMs > MAX_CAPACITY_MS);
  if (tooLarge) report(limitPath ?? `${path}.limit`, `${rateText(tooLarge)} is too large; ${CAPACITY_RULE}`);
  if (!fits(burst)) report(`${path}.burst`, `${burst} is too large; ${CAPACITY_RULE}`);
}

const CAPACITY_RULE = "the count times the window in milliseconds must not exceed 2^52";

const hasConcurrency = (limit: WrittenLimit | undefined): boolean =>
  limit !== undefined &&
  ratesOf(limit)
    .flat()
    .some(({ windowMs }) => windowMs === undefined);

function ratesOf(limit: WrittenLimit): (readonly Rate[])[] {
  return limit.kind === "fixed" ? [limit.rates] : [...limit.rows.values(), limit.rest];
}
