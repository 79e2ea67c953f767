import type { Policy, PolicyCounts, PolicyTraffic } from "../api/answers.ts";

/** A policy and what it did in the last hour. */
export interface PolicyRow {
  readonly policy: Policy;
  /** Whether there are figures of it: else those below say nothing. */
  readonly isCounted: boolean;
  readonly perMinute: number;
  /** What it decided about: requests, sockets or messages. */
  readonly decided: number;
  /** Refused, or in shadow mode would have been. */
  readonly refused: number;
  /** Admitted with more than 80 % of a quota used. */
  readonly nearLimit: number;
  readonly degraded: number;
  readonly lockouts: number;
}

export const ORDERS = ["configured", "most refused", "busiest"] as const;
export type Order = (typeof ORDERS)[number];

const QUIET: PolicyCounts = {
  ...{ allowed: 0, refused: 0, shadow_refused: 0, degraded: 0 },
  ...{ near_limit: 0, lockouts: 0 },
};

/** A row for each policy, in the order of the configuration. */
export function policyRows(policies: readonly Policy[], traffic: readonly PolicyTraffic[]): PolicyRow[] {
  const byName = new Map(traffic.map((one) => [one.name, one]));
  return policies.map((policy) => {
    const { last_hour: counts = QUIET, per_minute: perMinute = 0 } = byName.get(policy.name) ?? {};
    const refused = counts.refused + counts.shadow_refused;
    return {
      policy,
      isCounted: byName.has(policy.name),
      perMinute,
      decided: counts.allowed + counts.degraded + refused,
      refused,
      nearLimit: counts.near_limit,
      degraded: counts.degraded,
      lockouts: counts.lockouts,
    };
  });
}

export function inOrder(rows: readonly PolicyRow[], order: Order): readonly PolicyRow[] {
  switch (order) {
    case "configured":
      return rows;
    case "most refused":
      return rows.toSorted((one, other) => other.refused - one.refused);
    case "busiest":
      return rows.toSorted((one, other) => other.perMinute - one.perMinute || other.decided - one.decided);
  }
}

/** Whether name, match, key or mode contain every word of the filter. */
export function matches({ name, match, key, mode }: Policy, filter: string): boolean {
  const text = [name, ...match, key, mode].join(" ").toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
