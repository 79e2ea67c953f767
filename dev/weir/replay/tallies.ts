import type { NamedQuota, Policy } from "../../../src/config/config.ts";
import type { Bounds } from "./bounds.ts";
import { type CallerSample, createCallerSample } from "./caller-sample.ts";
import { createHistogram, type Histogram } from "./histogram.ts";
import { createTopKeys, type TopKeys } from "./top-keys.ts";

/** What became of the requests that one policy applied to. */
export interface PolicyTally {
  readonly policy: Policy;
  requests: number;
  /** Refused by this policy; in shadow mode: would have been. */
  refused: number;
  /** Of those, by a lockout. */
  lockedOut: number;
  readonly refusedKeys: TopKeys;
  readonly quotas: QuotaTally[];
}

/** What one quota was asked for, as if nothing were ever refused. */
export interface QuotaTally {
  /** Its place among all quotas. */
  readonly index: number;
  readonly policy: PolicyTally;
  readonly quota: NamedQuota;
  /** The row of the policy's table; undefined without one. */
  readonly row: string | undefined;
  requests: number;
  refused: number;
  /** By request: what its window held with it. */
  readonly ranks: Histogram;
  /** By caller and window of the clock: what was used of it. */
  readonly clockWindows: Histogram;
  /** By caller: its peak. */
  readonly callers: CallerSample;
}

/** The tallies of a configuration's policies and quotas. */
export interface Tallies {
  readonly policies: readonly PolicyTally[];
  readonly quotas: readonly QuotaTally[];
  of(policy: Policy, quota: NamedQuota): QuotaTally;
}

export function createTallies(policies: readonly Policy[], bounds: Bounds): Tallies {
  const quotas: QuotaTally[] = [];
  const byQuota = new Map<NamedQuota, QuotaTally>();
  const tallies = policies.map((policy) => {
    const tally: PolicyTally = {
      policy,
      requests: 0,
      refused: 0,
      lockedOut: 0,
      refusedKeys: createTopKeys(bounds.refusedKeys),
      quotas: [],
    };
    for (const [row, rowQuotas] of rowsOf(policy)) {
      for (const quota of rowQuotas) {
        const own = { ...newQuotaTally(quota, row, bounds), index: quotas.length, policy: tally };
        byQuota.set(quota, own);
        quotas.push(own);
        tally.quotas.push(own);
      }
    }
    return tally;
  });

  return {
    policies: tallies,
    quotas,
    of(policy, quota) {
      const tally = byQuota.get(quota);
      if (!tally) throw new Error(`the policy ${policy.name} has no quota ${quota.name}`);
      return tally;
    },
  };
}

function rowsOf({ limits }: Policy): [row: string | undefined, quotas: readonly NamedQuota[]][] {
  if (limits.kind === "fixed") return [[undefined, limits.quotas]];
  // The strictest row is for bodies that cannot be read, and logs have none.
  return [...limits.rows, ["*", limits.rest]];
}

function newQuotaTally(quota: NamedQuota, row: string | undefined, { sampled }: Bounds) {
  return {
    quota,
    row,
    requests: 0,
    refused: 0,
    ranks: createHistogram(),
    clockWindows: createHistogram(),
    callers: createCallerSample(sampled),
  };
}
