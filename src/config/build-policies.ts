import { MAX_CAPACITY_MS } from "../limit/quota.ts";
import { type Limits, MODES, type Mode, type NamedQuota, type OutageStep, type Policy } from "./config.ts";
import { applyOverrides, type PolicyEntry } from "./limit-overrides.ts";
import { didYouMean } from "./nearest.ts";
import { paramNames } from "./pattern.ts";
import type { WrittenLimit, WrittenPolicy } from "./policy-schema.ts";
import type { Report } from "./problem.ts";
import { type Rate, rateText, windowName } from "./rate.ts";

/** What policies take from the variables. */
export interface Inherited {
  /** The highest mode of any policy. */
  readonly mode: Mode;
  readonly onError: OutageStep;
}

/**
 * Checks what fields mean together, replaces limits by `LIMIT_<NAME>` and gives every quota its names.
 * Works on what is right so far, so that all problems come up at once.
 */
export function buildPolicies(
  entries: readonly PolicyEntry[],
  overrides: ReadonlyMap<string, unknown>,
  inherited: Inherited,
  report: Report,
): Policy[] {
  const overridden = applyOverrides(entries, overrides, report);
  const names = new Map<string, string>();
  const quotaNames = new Map<string, string>();
  return overridden.flatMap((entry) => {
    const { path, policy } = entry;
    const first = policy.name === undefined ? undefined : names.get(policy.name);
    if (first !== undefined) report(`${path}.name`, `"${policy.name}" is already the name of ${first}`);
    else if (policy.name !== undefined) names.set(policy.name, path);
    checkBurst(path, policy, report);
    checkParams(path, policy, report);
    checkCapacity(entry, report);
    const built = buildPolicy(policy, inherited);
    if (built && first === undefined) claimQuotaNames(path, built, quotaNames, report);
    return built ? [built] : [];
  });
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

function checkParams(path: string, { key, match, limit }: WrittenPolicy, report: Report): void {
  if (!match) return;
  const known = match.flatMap(paramNames);
  const inKey = key?.flatMap(({ parts }) => parts) ?? [];
  const used = [
    ...inKey.map((part) => ({ field: "key", part })),
    ...(limit?.kind === "table" ? [{ field: "limit.by", part: limit.by }] : []),
  ];
  for (const { field, part } of used) {
    if (part.kind !== "param" || known.includes(part.name)) continue;
    report(
      `${path}.${field}`,
      `"param:${part.name}" is not in the policy's match${didYouMean(part.name, known)}`,
    );
  }
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

function buildPolicy(written: WrittenPolicy, inherited: Inherited): Policy | undefined {
  const { name, match, key, limit, algorithm, burst, cost, mode, durable } = written;
  if (!name || !match || !key || !limit || !algorithm || !cost || !mode || durable === undefined)
    return undefined;
  const quotas = (rates: readonly Rate[]): NamedQuota[] =>
    rates.map((rate) => ({
      name: rates.length > 1 ? `${name}-${windowName(rate.windowMs)}` : name,
      count: `${name}/${algorithm}/${rate.windowMs}`,
      text: rateText(rate),
      quota: { algorithm, ...rate, burst: burst ?? rate.limit },
    }));
  const limits: Limits =
    limit.kind === "fixed"
      ? { kind: "fixed", quotas: quotas(limit.rates) }
      : {
          kind: "table",
          by: limit.by,
          rows: new Map([...limit.rows].map(([row, rates]) => [row, quotas(rates)])),
          rest: quotas(limit.rest),
        };
  const onError = written.on_store_error ?? inherited.onError;
  return { name, match, key, limits, cost, mode: lower(mode, inherited.mode), durable, onError };
}

const lower = (one: Mode, other: Mode): Mode => (MODES.indexOf(one) < MODES.indexOf(other) ? one : other);

/** Headers name quotas, so no two policies may share a name. `taken` holds the path of whoever has it. */
function claimQuotaNames(path: string, policy: Policy, taken: Map<string, string>, report: Report): void {
  const { limits } = policy;
  const lists = limits.kind === "fixed" ? [limits.quotas] : [...limits.rows.values(), limits.rest];
  for (const name of new Set(lists.flat().map((quota) => quota.name))) {
    const owner = taken.get(name);
    if (owner !== undefined && owner !== path)
      report(`${path}.limit`, `the quota name "${name}" is already used by ${owner}; rename the policy`);
    else taken.set(name, path);
  }
}

function ratesOf(limit: WrittenLimit): (readonly Rate[])[] {
  return limit.kind === "fixed" ? [limit.rates] : [...limit.rows.values(), limit.rest];
}
