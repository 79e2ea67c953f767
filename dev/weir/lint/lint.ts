import type { Config } from "../../../src/config/config.ts";
import { limitVariable } from "../../../src/config/limit-overrides.ts";
import { readItems } from "../../../src/config/parse-config.ts";
import type { Advice, PlacedPolicy, Rule } from "./advice.ts";
import { fixedWindow } from "./algorithms.ts";
import { lockoutOfOthers, tables, unverifiedKey } from "./callers.ts";
import { leases } from "./leases.ts";
import { neverAdmits, neverBinds } from "./quotas.ts";
import { unreachable, unreachablePart, wholeInternet } from "./reach.ts";
import { settings } from "./settings.ts";

const RULES: readonly Rule[] = [
  unreachable,
  unreachablePart,
  wholeInternet,
  neverAdmits,
  neverBinds,
  unverifiedKey,
  lockoutOfOthers,
  tables,
  fixedWindow,
  leases,
  settings,
];

/** What could be better about a valid configuration. `env` is what it was read from. */
export function lint(config: Config, env: Readonly<Record<string, unknown>>): Advice[] {
  const policies = placed(config, env);
  return RULES.flatMap((rule) => rule({ config, env, policies }));
}

function placed({ policies }: Config, env: Readonly<Record<string, unknown>>): PlacedPolicy[] {
  const items = readItems("POLICIES", env, () => {});
  return policies.map((policy, i) => {
    const { path = "POLICIES", item } = items[i] ?? {};
    const override = limitVariable(policy.name);
    const limitPath = env[override] === undefined || env[override] === "" ? `${path}.limit` : override;
    return { policy, path, limitPath, hasRest: hasRest(item) };
  });
}

/** Only the text tells "unlimited" from nothing. */
function hasRest(item: unknown): boolean {
  const limit = typeof item === "object" && item !== null && "limit" in item ? item.limit : undefined;
  return typeof limit === "object" && limit !== null && Object.keys(limit).some((row) => row.trim() === "*");
}
