import type { NamedQuota, Policy } from "../config/config.ts";
import type { KeyPart } from "../config/key-expression.ts";
import { CONCURRENCY, type Quota } from "../limit/quota.ts";
import type { StoreCharge } from "../store/store.ts";
import { costOf } from "./cost.ts";
import type { Digest } from "./digest.ts";
import { type Reading, readPart } from "./key-part.ts";
import { keyText } from "./key-values.ts";
import type { Need, PathFacts, RequestFacts } from "./request-facts.ts";

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

/** What a request is charged with, as far as the facts show. */
export interface Charges {
  /** In the order of the configuration. */
  readonly known: readonly PolicyCharge[];
  /** What must be looked at before the others are known; undefined when these are all. */
  readonly needs: Need | undefined;
}

/** Turns the policies that match one request into its charges: again, once more of it has been looked at. */
export type ChargeRequest = (matched: readonly Matched[]) => (facts: RequestFacts) => Promise<Charges>;

export function createCharges(digest: Digest, ipv6Prefix: number): ChargeRequest {
  return (matched) => {
    const digests = new Map<string, Promise<string>>();
    const digestOnce = (text: string): Promise<string> => {
      const known = digests.get(text) ?? digest(text);
      digests.set(text, known);
      return known;
    };

    async function chargesOf(match: Matched, facts: RequestFacts): Promise<readonly PolicyCharge[] | Need> {
      const { policy } = match;
      const read = (part: KeyPart) => readPart(part, facts, match, ipv6Prefix);
      const key = keyText(policy.key, read);
      if (key.kind === "none") return [];
      if (key.kind === "unknown") return key.needs;
      const quotas = chooseQuotas(policy, read);
      if (typeof quotas === "string") return quotas;
      if (quotas.length === 0) return [];
      const digested = await digestOnce(key.text);
      return quotas.map((quota) => ({ policy, quota, charge: chargeOf(policy, quota, digested, facts) }));
    }

    return async (facts) => {
      const perPolicy = await Promise.all(matched.map((match) => chargesOf(match, facts)));
      const known = perPolicy.flatMap((charges) => (typeof charges === "string" ? [] : charges));
      const needs = perPolicy.filter((charges) => typeof charges === "string");
      // A token is mostly known already; a body may have to be waited for.
      return { known: withoutRepeats(known), needs: needs.includes("token") ? "token" : needs[0] };
    };
  };
}

/** Two forms of one path mostly have the same key: that is one charge. */
function withoutRepeats(charges: readonly PolicyCharge[]): PolicyCharge[] {
  return [...new Map(charges.map((one) => [`${one.charge.key} ${one.charge.count}`, one])).values()];
}

function chooseQuotas({ limits }: Policy, read: (part: KeyPart) => Reading): readonly NamedQuota[] | Need {
  if (limits.kind === "fixed") return limits.quotas;
  const reading = read(limits.by);
  switch (reading.kind) {
    case "unknown":
      return reading.needs;
    case "unreadable":
      return limits.strictest;
    case "absent":
      return limits.rest;
    case "value":
      return limits.rows.get(reading.text.toLowerCase()) ?? limits.rest;
  }
}

function chargeOf(
  policy: Policy,
  { count, quota }: NamedQuota,
  key: string,
  facts: RequestFacts,
): StoreCharge {
  const { mode, durable, onError, lockout, lease } = policy;
  const charge = {
    key,
    count,
    quota,
    cost: costOf(policy, quota, facts),
    shadow: mode === "shadow",
    durable,
    onError,
    ...(lease && { lease }),
  };
  const provisional = isProvisional(policy, quota);
  return provisional || lockout ? { ...charge, lockout, provisional } : charge;
}

/** Whether a response, or its end, may change what was charged. */
function isProvisional({ count, cost }: Policy, { algorithm }: Quota): boolean {
  const isOnlyKnownLater = cost.kind === "response-header" || cost.kind === "response-json";
  return count !== undefined || isOnlyKnownLater || algorithm === CONCURRENCY;
}
