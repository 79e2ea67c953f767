import type { Config, NamedQuota, Policy } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse-config.ts";

type Written = Readonly<Record<string, unknown>>;

/** A policy that is right, with some fields changed. */
export const policyWith = (fields: Written): Written => ({ name: "chat", limit: "5/minute", ...fields });

/** An environment with one policy that is right but for these fields. */
export const envWith = (fields: Written): Written => ({ POLICIES: [policyWith(fields)] });

/** The configuration of an environment that must be right. */
export function configOf(env: Written): Config {
  const parsed = parseConfig(env);
  if (!parsed.ok) throw new Error(linesOf(parsed.problems).join("\n"));
  return parsed.config;
}

/** The first policy of an environment that must be right. */
export function policyOf(env: Written): Policy {
  const [policy] = configOf(env).policies;
  if (!policy) throw new Error("expected a policy");
  return policy;
}

/** The quotas of a policy, those of a table by row. */
export function quotasOf({ limits }: Policy): readonly NamedQuota[] {
  return limits.kind === "fixed" ? limits.quotas : [...limits.rows.values(), limits.rest].flat();
}

/** What is wrong with an environment, as `path: message`. */
export function problemsOf(env: Written): string[] {
  const parsed = parseConfig(env);
  return parsed.ok ? [] : linesOf(parsed.problems);
}

/** Where an environment is wrong. */
export function pathsOf(env: Written): string[] {
  const parsed = parseConfig(env);
  return parsed.ok ? [] : parsed.problems.map(({ path }) => path);
}

const linesOf = (problems: readonly { path: string; message: string }[]): string[] =>
  problems.map(({ path, message }) => `${path}: ${message}`);
