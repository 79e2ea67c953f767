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

function checkCapacity({ path, limitPath, policy }: PolicyEntry, report: Report): void {
  const { limit, burst = 0 } = policy;
  const rates = limit ? ratesOf(limit).flat() : [];
  const fits = (capacity: number) => rates.every(({ windowMs }) => capacity * windowMs <= MAX_CAPACITY_MS);
  const tooLarge = rates.find(({ limit, windowMs }) => limit * windowMs > MAX_CAPACITY_MS);
  if (tooLarge) report(limitPath ?? `${path}.limit`, `${rateText(tooLarge)} is too large; ${CAPACITY_RULE}`);
  if (!fits(burst)) report(`${path}.burst`, `${burst} is too large; ${CAPACITY_RULE}`);
}

const CAPACITY_RULE = "the count times the window in milliseconds must not exceed 2^52";

function ratesOf(limit: WrittenLimit): (readonly Rate[])[] {
  return limit.kind === "fixed" ? [limit.rates] : [...limit.rows.values(), limit.rest];
}
