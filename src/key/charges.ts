import type { NamedQuota, Policy } from "../config/config.ts";
import type { KeyPart } from "../config/key-expression.ts";
import type { StoreCharge } from "../store/store.ts";
import type { Digest } from "./digest.ts";
import { partValue } from "./key-part.ts";
import { keyText } from "./key-values.ts";
import type { PathFacts, RequestFacts } from "./request-facts.ts";

/** A policy that matches a request. */
interface Matched extends PathFacts {
  readonly policy: Policy;
}

/** A charge and where it comes from. */
export interface PolicyCharge {
  readonly policy: Policy;
  readonly quota: NamedQuota;
  readonly charge: StoreCharge;
}

/** Turns matched policies into the charges of a request, in the order of the configuration. */
export type ChargeRequest = (matched: readonly Matched[], facts: RequestFacts) => Promise<PolicyCharge[]>;

export function createCharges(digest: Digest, ipv6Prefix: number): ChargeRequest {
  return async (matched, facts) => {
    const digests = new Map<string, Promise<string>>();
    const digestOnce = (text: string): Promise<string> => {
      const known = digests.get(text) ?? digest(text);
      digests.set(text, known);
      return known;
    };
    const perPolicy = matched.map(async (match) => {
      const { policy } = match;
      const read = (part: KeyPart) => partValue(part, facts, match, ipv6Prefix);
      const quotas = chooseQuotas(policy, read);
      const text = quotas.length === 0 ? undefined : keyText(policy.key, read);
      if (text === undefined) return [];
      const key = await digestOnce(text);
      return quotas.map((quota) => ({ policy, quota, charge: chargeOf(policy, quota, key) }));
    });
    return withoutRepeats((await Promise.all(perPolicy)).flat());
  };
}

/** Two forms of one path mostly have the same key: that is one charge. */
function withoutRepeats(charges: readonly PolicyCharge[]): PolicyCharge[] {
  return [...new Map(charges.map((one) => [`${one.charge.key} ${one.charge.count}`, one])).values()];
}

function chooseQuotas(
  { limits }: Policy,
  read: (part: KeyPart) => string | undefined,
): readonly NamedQuota[] {
  if (limits.kind === "fixed") return limits.quotas;
  const row = read(limits.by)?.toLowerCase();
  return (row === undefined ? undefined : limits.rows.get(row)) ?? limits.rest;
}

function chargeOf(policy: Policy, { count, quota }: NamedQuota, key: string): StoreCharge {
  const { cost, mode, durable, onError } = policy;
  return { key, count, quota, cost, shadow: mode === "shadow", durable, onError };
}
