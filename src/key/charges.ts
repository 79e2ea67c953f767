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

export function createCharges(digest: Digest): ChargeRequest {
  async function chargesOf(match: Matched, facts: RequestFacts): Promise<readonly PolicyCharge[] | Need> {
    const { policy } = match;
    const read = (part: KeyPart) => readPart(part, facts, match);
    const key = keyText(policy.key, read);
    if (key.kind === "none") return [];
    if (key.kind === "unknown") return key.needs;
    const quotas = chooseQuotas(policy, read);
    if (typeof quotas === "string") return quotas;
    if (quotas.length === 0) return [];
    const digested = await digest(key.text);
    return quotas.map((quota) => {
      return { policy, quota, charge: chargeOf(policy, quota, digested, costOf(policy, quota.quota, facts)) };
    });
  }

  return (matched) => async (facts) => {
    const known: PolicyCharge[] = [];
    let needs: Need | undefined;
    for (const match of matched) {
      const charges = await chargesOf(match, facts);
      // A token is mostly known already; a body may have to be waited for.
      if (typeof charges === "string") needs = needs === "token" ? needs : charges;
      else for (const one of charges) addOnce(known, one);
    }
    return { known, needs };
  };
}

/** Two forms of one path mostly have the same key: that is one charge. */
function addOnce(charges: PolicyCharge[], added: PolicyCharge): void {
  const { key, count } = added.charge;
  const same = charges.findIndex(({ charge }) => charge.key === key && charge.count === count);
  charges[same < 0 ? charges.length : same] = added;
}

/** The quotas of a policy for a caller, none when there is no limit; or what must be looked at to choose them. */
export function chooseQuotas(
  { limits }: Policy,
  read: (part: KeyPart) => Reading,
): readonly NamedQuota[] | Need {
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

/** @param key digest of the caller's key */
export function chargeOf(
  policy: Policy,
  { count, quota }: NamedQuota,
  key: string,
  cost: number,
): StoreCharge {
  const { mode, durable, onError, lockout, lease } = policy;
  const charge = {
    key,
    count,
    quota,
    cost,
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
