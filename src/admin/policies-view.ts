import { type Config, highestMode, type NamedQuota, type Policy } from "../config/config.ts";
import type { KeyExpression } from "../config/key-expression.ts";
import type { Pattern } from "../config/pattern.ts";
import { windowName } from "../config/rate.ts";
import { partName } from "../key/key-part.ts";
import { CONCURRENCY } from "../limit/quota.ts";
import { allQuotas, partsOf } from "./target.ts";

/** What is configured, without secrets, as JSON. A policy's fields are there where they apply. */
export function policiesView({ policies, store }: Pick<Config, "policies" | "store">, fingerprint: string) {
  return { mode: highestMode(policies), store, fingerprint, policies: policies.map(policyView) };
}

function policyView(policy: Policy) {
  const { name, mode, on, match, key, limits, onError, lease, lockout } = policy;
  const windowed = allQuotas(limits).find(({ quota }) => quota.algorithm !== CONCURRENCY);
  return {
    name,
    mode,
    algorithm: windowed?.quota.algorithm,
    on,
    match: match.map(patternText),
    key: keyExpressionText(key),
    parts: partsOf(policy),
    ...(limits.kind === "fixed"
      ? { limits: limits.quotas.map(limitView) }
      : { table: { by: partName(limits.by), rows: tableView([...limits.rows, ["*", limits.rest]]) } }),
    on_store_error: onError,
    ...(lease && { lease }),
    ...(lockout && {
      lockout: `${duration(lockout.durationMs)} after ${lockout.refusals} in ${duration(lockout.withinMs)}`,
    }),
  };
}

const tableView = (rows: readonly (readonly [string, readonly NamedQuota[]])[]) =>
  Object.fromEntries(rows.map(([row, quotas]) => [row, quotas.map(limitView)]));

const limitView = ({ name, quota }: NamedQuota) => ({
  name,
  limit: quota.limit,
  ...(quota.algorithm !== CONCURRENCY && { window_seconds: quota.windowMs / 1_000 }),
  ...(quota.burst !== quota.limit && { burst: quota.burst }),
});

/** As it would be written. */
const patternText = ({ methods, host = "", path }: Pattern): string =>
  `${methods ? `${methods.join(",")} ` : ""}${host}${path}`;

const keyExpressionText = (key: KeyExpression): string =>
  key
    .map(({ parts, orNone }) => [...parts.map(partName), ...(orNone ? ["none"] : [])].join(" | "))
    .join(" + ");

/** `15m`, `90s`: a number and the letter of the unit. */
function duration(windowMs: number): string {
  const name = windowName({ limit: 1, windowMs });
  return /^\d/.test(name) ? name : `1${name[0]}`;
}
