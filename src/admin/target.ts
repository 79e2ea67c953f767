import type { Limits, NamedQuota, Policy } from "../config/config.ts";
import { type Field, optional, required } from "../config/fields.ts";
import { collectProblems, type Report } from "../config/problem.ts";
import { bad, ok } from "../config/result.ts";
import { chargeOf, chooseQuotas } from "../key/charges.ts";
import type { Digest } from "../key/digest.ts";
import { partName } from "../key/key-part.ts";
import { keyText } from "../key/key-values.ts";
import type { StoreCharge } from "../store/store.ts";
import { type Given, isComplete, isGiven, parseGiven, readGiven } from "./given-key.ts";

/** A policy and a key under it, which an operator asks for. */
export interface Target {
  readonly policy: Policy;
  /** Digest. */
  readonly key: string;
  /** Those of the key, each count once; none when it is unlimited. */
  readonly quotas: readonly NamedQuota[];
}

/** What tells a policy's callers apart, and chooses their quotas. */
export function partsOf({ key, limits }: Policy): string[] {
  const parts = [...key.flatMap((group) => group.parts), ...(limits.kind === "table" ? [limits.by] : [])];
  return [...new Set(parts.map(partName))];
}

/** Of a table those of all its rows: a count that several have with the limit of the first. */
export function allQuotas(limits: Limits): readonly NamedQuota[] {
  if (limits.kind === "fixed") return limits.quotas;
  const counts = new Map<string, NamedQuota>();
  for (const quota of [...limits.rows.values(), limits.rest].flat())
    if (!counts.has(quota.count)) counts.set(quota.count, quota);
  return [...counts.values()];
}

/** One unit for each quota of a target. */
export const chargesOf = ({ policy, key, quotas }: Target): StoreCharge[] =>
  quotas.map((quota) => chargeOf(policy, quota, key, 1));

const isText: Field<string> = (input) => (typeof input === "string" ? ok(input) : bad("must be text"));
const digestField: Field<string> = (input) =>
  typeof input === "string" && /^[\w-]{22}$/.test(input)
    ? ok(input)
    : bad("must be 22 characters; copy it from a list, or give the key");

/** The fields of every operation on one key. */
export const targetSchema = {
  policy: required(isText),
  key: optional((input) => ok(input)),
  digest: optional(digestField),
};

export interface TargetParts {
  readonly ipv6Prefix: number;
  readonly digest: Digest;
}

/** The target that `key` or `digest` of a body names; undefined when something is wrong, which is reported. */
export async function targetOf(
  policy: Policy,
  { key, digest: known }: { readonly key?: unknown; readonly digest?: string | undefined },
  { ipv6Prefix, digest }: TargetParts,
  report: Report,
): Promise<Target | undefined> {
  if ((key === undefined) === (known === undefined)) {
    report("key", "either key or digest is required");
    return undefined;
  }
  if (known !== undefined) return { policy, key: known, quotas: allQuotas(policy.limits) };
  const { problems, report: add } = collectProblems();
  const given = parseGiven(key, ipv6Prefix, add);
  if (problems.length === 0) checkParts(policy, given, add);
  for (const { path, message } of problems) report(path, message);
  return problems.length > 0 ? undefined : targetGiven(policy, given, digest);
}

/** Reports parts that the policy does not have, and groups of which no request has none. */
function checkParts(policy: Policy, given: Given, report: Report): void {
  const parts = partsOf(policy);
  for (const part of given.keys())
    if (!parts.includes(part))
      report(`key.${part}`, `is not in the policy's key; its parts: ${parts.join(", ")}`);
  for (const group of policy.key)
    if (!isComplete(given, group))
      report(
        "key",
        `is nobody's; the policy only applies to requests with ${group.parts.map(partName).join(" or ")}`,
      );
}

/** The target of a policy whose key can be made of the values alone, with nothing taken for absent; else undefined. */
export async function targetMadeOf(
  policy: Policy,
  given: Given,
  digest: Digest,
): Promise<Target | undefined> {
  return policy.key.every((group) => isGiven(given, group)) ? targetGiven(policy, given, digest) : undefined;
}

async function targetGiven(policy: Policy, given: Given, digest: Digest): Promise<Target | undefined> {
  const { limits } = policy;
  const read = readGiven(given);
  const key = keyText(policy.key, read);
  if (key.kind !== "key") return undefined;
  const isChosen = limits.kind === "table" && read(limits.by).kind === "value";
  const quotas = isChosen ? chooseQuotas(policy, read) : allQuotas(limits);
  return { policy, key: await digest(key.text), quotas: typeof quotas === "string" ? [] : quotas };
}
