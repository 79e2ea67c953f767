import type { Advice } from "../../../../dev/weir/lint/advice.ts";
import { lint } from "../../../../dev/weir/lint/lint.ts";
import { parseConfig } from "../../../../src/config/parse-config.ts";

type Written = Readonly<Record<string, unknown>>;

/** Settings about which there is nothing to say, so that a test sees only what it is about. */
const QUIET = { KEY_SECRET: "a secret" };

/** The advice about an environment that must be valid. */
export function adviceOn(env: Written): Advice[] {
  const whole = { ...QUIET, ...env };
  const parsed = parseConfig(whole);
  if (!parsed.ok)
    throw new Error(parsed.problems.map(({ path, message }) => `${path}: ${message}`).join("\n"));
  return lint(parsed.config, whole);
}

/** The advice about policies, each given by its fields; as `rule path`. */
export const advised = (...policies: readonly Written[]): string[] => rulesOn({ POLICIES: named(policies) });

/** The advice about an environment, as `rule path`. */
export const rulesOn = (env: Written): string[] => adviceOn(env).map(({ rule, path }) => `${rule} ${path}`);

const named = (policies: readonly Written[]): Written[] =>
  policies.map((fields, i) => ({ name: `policy-${i}`, limit: "60/minute", ...fields }));
