import { type Algorithm, CONCURRENCY, type Quota } from "../limit/quota.ts";
import {
  type Limits,
  MODES,
  type Mode,
  type NamedQuota,
  type OutageStep,
  type Policy,
  type Subject,
} from "./config.ts";
import { POLICY_DEFAULTS } from "./defaults.ts";
import { applyOverrides, type PolicyEntry } from "./limit-overrides.ts";
import { checkPolicy } from "./policy-checks.ts";
import type { WrittenPolicy } from "./policy-schema.ts";
import type { Report } from "./problem.ts";
import { type Rate, rateText, windowName } from "./rate.ts";

/** What policies take from the variables. */
export interface Inherited {
  /** The highest mode of any policy. */
  readonly mode: Mode;
  readonly onError: OutageStep;
  /** Whether there is something to verify tokens with. */
  readonly verifiesTokens: boolean;
  /** How long something under way counts without being renewed, milliseconds. */
  readonly slotExpiryMs: number;
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
    checkPolicy(entry, inherited.verifiesTokens, report);
    const built = buildPolicy(policy, inherited);
    if (built && first === undefined) claimQuotaNames(path, built, quotaNames, report);
    return built ? [built] : [];
  });
}

function buildPolicy(written: WrittenPolicy, inherited: Inherited): Policy | undefined {
  const { name, match, on, key, limit, algorithm, cost, mode, durable, lease } = written;
  if (!name || !match || !on || !key || !limit || !algorithm || !cost || !mode) return undefined;
  if (durable === undefined || lease === undefined) return undefined;
  const { estimate = POLICY_DEFAULTS.estimate, count, lockout, strikes = POLICY_DEFAULTS.strikes } = written;
  const what = cost.kind === "bytes" ? "byte" : on;
  const quotas = (rates: readonly Rate[]): NamedQuota[] =>
    rates.map((rate) => ({
      name: rates.length > 1 ? `${name}-${windowName(rate)}` : name,
      text: rateText(rate, what),
      ...countedAs(name, quotaOf(rate, algorithm, written.burst, inherited.slotExpiryMs)),
    }));
  const limits: Limits =
    limit.kind === "fixed"
      ? { kind: "fixed", quotas: quotas(limit.rates) }
      : {
          kind: "table",
          by: limit.by,
          rows: new Map([...limit.rows].map(([row, rates]) => [row, quotas(rates)])),
          rest: quotas(limit.rest),
          strictest: quotas(limit.strictest),
        };
  return {
    name,
    match,
    on,
    key,
    limits,
    cost,
    estimate,
    count,
    lockout: lockout && { id: `${name}/lockout`, ...lockout },
    mode: lower(mode, inherited.mode),
    durable,
    lease,
    strikes,
    onError: written.on_store_error ?? STEPS[on] ?? inherited.onError,
  };
}

/** An uncounted connection may stay for days; an uncounted message is over at once. */
const STEPS: { readonly [S in Subject]: OutageStep | undefined } = {
  request: undefined,
  connection: "closed",
  message: "open",
};

function quotaOf(
  { limit, windowMs }: Rate,
  algorithm: Algorithm,
  burst: number | undefined,
  slotExpiryMs: number,
): Quota {
  return windowMs === undefined
    ? { algorithm: CONCURRENCY, limit, windowMs: slotExpiryMs, burst: limit }
    : { algorithm, limit, windowMs, burst: burst ?? limit };
}

/** What is under way goes on counting when only its expiry is configured otherwise. */
function countedAs(name: string, quota: Quota): Pick<NamedQuota, "count" | "quota"> {
  const { algorithm, windowMs } = quota;
  return {
    quota,
    count: algorithm === CONCURRENCY ? `${name}/${algorithm}` : `${name}/${algorithm}/${windowMs}`,
  };
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
