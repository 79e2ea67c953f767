import type { Verdict } from "./replayer.ts";

/** How two configurations decided the same requests. */
export interface Comparison {
  readonly names: readonly [string, string];
  both: number;
  onlyFirst: number;
  onlySecond: number;
  neither: number;
}

export const newComparison = (names: readonly [string, string]): Comparison => ({
  names,
  both: 0,
  onlyFirst: 0,
  onlySecond: 0,
  neither: 0,
});

export function compare(comparison: Comparison, first: Verdict, second: Verdict): void {
  const [isFirst, isSecond] = [isRefusal(first), isRefusal(second)];
  if (isFirst && isSecond) comparison.both += 1;
  else if (isFirst) comparison.onlyFirst += 1;
  else if (isSecond) comparison.onlySecond += 1;
  else comparison.neither += 1;
}

const isRefusal = (verdict: Verdict): boolean => verdict === "refused" || verdict === "denied";
