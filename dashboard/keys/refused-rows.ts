import type { PolicyTraffic, RefusedKey } from "../api/answers.ts";
import { count } from "../text/numbers.ts";

export interface RefusedRow extends RefusedKey {
  readonly policy: string;
}

/** The most refused keys of all policies, or of one, most refused first. */
export function refusedRows(traffic: readonly PolicyTraffic[], only?: string): RefusedRow[] {
  return traffic
    .filter(({ name }) => only === undefined || name === only)
    .flatMap(({ name, top_refused }) => top_refused.map((key) => ({ ...key, policy: name })))
    .toSorted((one, other) => other.refusals - one.refusals);
}

/** `9`, or `about 900` with the bounds as a title where the count is an estimate. */
export function refusalsText({ refusals, error }: RefusedKey): { text: string; title?: string } {
  if (error === 0) return { text: count(refusals) };
  return {
    text: `about ${count(refusals)}`,
    title: `Between ${count(refusals - error)} and ${count(refusals)}`,
  };
}
