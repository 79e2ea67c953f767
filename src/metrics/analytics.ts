import { type Counts, POLICY_DECISIONS } from "./series.ts";

/** The part of a Workers Analytics Engine binding that is used. */
export interface Dataset {
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void;
}

/** The platform takes no more of them in one invocation. */
const MAX_POINTS = 25;

/**
 * Writes one data point for each policy: its name as index and as `blob1`, and as `double1` to `double5` how many of its
 * decisions were allowed, refused in shadow mode, degraded, and refused, and how many of the allowed were near a limit.
 */
export function writePoints(dataset: Dataset, counts: Counts): void {
  const policies = new Set<string>();
  for (const series of counts.keys()) {
    const [metric, policy = ""] = series.split(" ");
    if (metric === "requests") policies.add(policy);
  }
  for (const policy of [...policies].slice(0, MAX_POINTS)) {
    const series = [
      ...POLICY_DECISIONS.map((decision) => `requests ${policy} ${decision}`),
      `near_limit ${policy}`,
    ];
    const doubles = series.map((one) => counts.get(one) ?? 0);
    dataset.writeDataPoint({ indexes: [policy], blobs: [policy], doubles });
  }
}
