import type { NamedQuota, Policy } from "../../../src/config/config.ts";
import { CONCURRENCY } from "../../../src/limit/quota.ts";
import { type Advice, about, active, type PlacedPolicy, type Rule } from "./advice.ts";
import { type Costed, dominates } from "./bounds.ts";
import { coverAll } from "./coverage.ts";
import { keyText } from "./key-text.ts";

/** Quotas that another one of the same policy, or of one with the same key, always refuses before. */
export const neverBinds: Rule = (linted) => [
  ...active(linted).flatMap((placed) => rowsOf(placed.policy).flatMap((quotas) => withinRow(placed, quotas))),
  ...acrossPolicies(active(linted)),
];

/** The lists of quotas of which one applies to a request. */
function rowsOf({ limits }: Policy): (readonly NamedQuota[])[] {
  return limits.kind === "fixed" ? [limits.quotas] : [...limits.rows.values(), limits.rest];
}

function withinRow(placed: PlacedPolicy, quotas: readonly NamedQuota[]): Advice[] {
  return quotas.flatMap((quota, i) => {
    const stronger = quotas.find((other, j) => {
      const isFirstOfTwins = i > j || !dominates(costed(placed.policy, quota), costed(placed.policy, other));
      return (
        i !== j && isFirstOfTwins && dominates(costed(placed.policy, other), costed(placed.policy, quota))
      );
    });
    return stronger ? [advice(placed, quota, stronger)] : [];
  });
}

const costed = ({ cost }: Policy, { quota }: NamedQuota): Costed => ({
  quota,
  cost: cost.kind === "fixed" ? cost.units : 1,
});

function advice(placed: PlacedPolicy, { text }: NamedQuota, stronger: NamedQuota, policy?: string): Advice {
  const by = `"${stronger.text}"${policy === undefined ? "" : ` of the policy ${policy}`}`;
  return about(placed, "never-binds", "limit")(
    `"${text}" can never refuse: ${by} always refuses first`,
    "whoever has room under the other is below this one too",
    "remove it, or make it smaller if it was meant to hold callers back",
  );
}

function acrossPolicies(policies: readonly PlacedPolicy[]): Advice[] {
  return policies.flatMap((placed, i) => {
    const quota = onlyRow(placed.policy);
    if (!quota) return [];
    for (const [j, { policy: other }] of policies.entries()) {
      if (i === j || !appliesWherever(other, placed.policy)) continue;
      const stronger = onlyRow(other)?.find((one) =>
        quota.every((own) => beats(other, one, placed.policy, own)),
      );
      const isTwin = stronger && j > i && quota.some((own) => beats(placed.policy, own, other, stronger));
      if (stronger && !isTwin) return quota.map((own) => advice(placed, own, stronger, other.name));
    }
    return [];
  });
}

function onlyRow({ limits, cost }: Policy): readonly NamedQuota[] | undefined {
  const isPlain = limits.kind === "fixed" && cost.kind === "fixed";
  return isPlain && limits.quotas.every(({ quota }) => quota.algorithm !== CONCURRENCY)
    ? limits.quotas
    : undefined;
}

/** Whether `policy` counts, under the same keys, every request that `other` counts, and really refuses. */
function appliesWherever(policy: Policy, other: Policy): boolean {
  return (
    policy.mode === "enforce" &&
    policy.on === other.on &&
    policy.count === undefined &&
    keyText(policy.key) === keyText(other.key) &&
    coverAll(policy.match, other.match)
  );
}

const beats = (policy: Policy, quota: NamedQuota, other: Policy, weaker: NamedQuota): boolean =>
  dominates(costed(policy, quota), costed(other, weaker));

/** Costs that no quota of the policy has room for, ever. */
export const neverAdmits: Rule = (linted) =>
  active(linted).flatMap((placed) => {
    const { cost, estimate } = placed.policy;
    const isLater = cost.kind === "response-header" || cost.kind === "response-json";
    const units = cost.kind === "fixed" ? cost.units : isLater ? estimate : 1;
    const small = rowsOf(placed.policy)
      .flat()
      .find(({ quota }) => quota.algorithm !== CONCURRENCY && units > quota.burst);
    if (!small) return [];
    return about(placed, "never-admits", isLater ? "estimate" : "cost")(
      `a request ${isLater ? "reserves" : "costs"} ${units}, but "${small.text}" has room for ${small.quota.burst}`,
      "every request is refused, and told that waiting does not help",
      `make the limit at least ${units}, or what a request ${isLater ? "reserves" : "costs"} at most ${small.quota.burst}`,
    );
  });
