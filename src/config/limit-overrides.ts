import { show } from "./fields.ts";
import { didYouMean } from "./nearest.ts";
import type { WrittenLimit, WrittenPolicy } from "./policy-schema.ts";
import type { Report } from "./problem.ts";
import { parseRates } from "./rate.ts";

/** A policy as written, with the fields that were right. */
export interface PolicyEntry {
  readonly path: string;
  readonly policy: WrittenPolicy;
  /** The variable that its limit is from, when another one than the policy's. */
  readonly limitPath?: string;
}

/** Puts the limits of `LIMIT_<NAME>` variables in the place of the policies' own. */
export function applyOverrides(
  entries: readonly PolicyEntry[],
  overrides: ReadonlyMap<string, unknown>,
  report: Report,
): PolicyEntry[] {
  const limits = new Map<string, { limit: WrittenLimit; limitPath: string }>();
  const variables = entries.flatMap(({ policy }) => (policy.name ? [limitVariable(policy.name)] : []));
  for (const [variable, value] of overrides) {
    const entry = entries.find(({ policy }) => policy.name && limitVariable(policy.name) === variable);
    const rates = typeof value === "string" ? parseRates(value) : undefined;
    if (!entry) report(variable, `names no policy${didYouMean(variable, variables)}`);
    else if (entry.policy.limit?.kind === "table")
      report(variable, "cannot replace the limit of a policy with a table");
    else if (!rates?.ok) report(variable, rates ? rates.problem : `must be text, not ${show(value)}`);
    else limits.set(entry.path, { limit: { kind: "fixed", rates: rates.value }, limitPath: variable });
  }
  return entries.map((entry) => {
    const override = limits.get(entry.path);
    if (!override) return entry;
    return { ...entry, limitPath: override.limitPath, policy: { ...entry.policy, limit: override.limit } };
  });
}

/** `LIMIT_CHAT_USER` for the policy `chat-user`. */
export const limitVariable = (policyName: string): string =>
  `LIMIT_${policyName.toUpperCase().replaceAll("-", "_")}`;
