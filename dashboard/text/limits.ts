import type { Limit, Policy, QuotaState } from "../api/answers.ts";
import { count } from "./numbers.ts";

const NAMED: Readonly<Record<number, string>> = { 1: "second", 60: "minute", 3600: "hour", 86400: "day" };
const UNITS = [
  { name: "days", seconds: 86_400 },
  { name: "hours", seconds: 3_600 },
  { name: "minutes", seconds: 60 },
] as const;

/** A window as configurations write it: `minute`, `10 seconds`. */
export function windowText(windowSeconds: number): string {
  const unit = UNITS.find(({ seconds }) => windowSeconds % seconds === 0) ?? { name: "seconds", seconds: 1 };
  return NAMED[windowSeconds] ?? `${windowSeconds / unit.seconds} ${unit.name}`;
}

/** For reading: `1,000 / hour`, `5 at once`. */
export function limitText({ limit, window_seconds }: Limit): string {
  return window_seconds === undefined
    ? `${count(limit)} at once`
    : `${count(limit)} / ${windowText(window_seconds)}`;
}

/** In the grammar of configurations and overrides: `5/minute, 10/10 seconds`. */
function limitGrammar(limits: readonly Limit[]): string {
  return limits
    .map(({ limit, window_seconds }) =>
      window_seconds === undefined ? `${limit} concurrent` : `${limit}/${windowText(window_seconds)}`,
    )
    .join(", ");
}

/** The quotas of a policy, one a line: of a table each row with its value in front. */
export function quotaLines({ limits, table }: Policy): string[] {
  const list = (some: readonly Limit[]) => (some.length === 0 ? "unlimited" : some.map(limitText).join(", "));
  if (!table) return [list(limits ?? [])];
  return Object.entries(table.rows).map(([value, row]) => `${value}: ${list(row)}`);
}

/** What to start from when another limit is to be set: the ones in force, and the configured one of a quota that is blocked. */
export function suggestedLimit(states: readonly QuotaState[]): string {
  return limitGrammar(
    states.map((state) => ({
      ...state,
      limit: state.limit === 0 ? (state.configured_limit ?? 1) : state.limit,
    })),
  );
}
