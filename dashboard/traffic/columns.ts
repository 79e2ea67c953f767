import type { Minute } from "../api/answers.ts";

const MINUTE_MS = 60_000;
const MINUTES = 60;

/** What the chart stacks, lowest first: trouble stands on the ground, where its height can be read. */
export const SERIES = ["refused", "unavailable", "degraded", "allowed"] as const;
export type SeriesName = (typeof SERIES)[number];

export type Counted = Readonly<Record<Exclude<keyof Minute, "at">, number>>;

export interface MinuteCounts extends Counted {
  readonly atMs: number;
}

const NOTHING: Counted = { allowed: 0, refused: 0, degraded: 0, unavailable: 0, unlimited: 0, denied: 0 };

/** The 60 minutes up to and with the one that `nowMs` is in, the quiet ones too. */
export function lastHour(minutes: readonly Minute[], nowMs: number): MinuteCounts[] {
  const known = new Map(minutes.map((minute) => [Date.parse(minute.at), minute]));
  const newestMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  return Array.from({ length: MINUTES }, (_, i) => {
    const atMs = newestMs - (MINUTES - 1 - i) * MINUTE_MS;
    return { ...NOTHING, ...known.get(atMs), atMs };
  });
}

export function totals(hour: readonly MinuteCounts[]): Counted {
  const sum = (name: keyof Counted) => hour.reduce((total, minute) => total + minute[name], 0);
  return {
    allowed: sum("allowed"),
    refused: sum("refused"),
    degraded: sum("degraded"),
    unavailable: sum("unavailable"),
    unlimited: sum("unlimited"),
    denied: sum("denied"),
  };
}

/** Begins of minutes in epoch seconds, and then for each series of `SERIES` the height at which its part of the bar ends. */
export function stacked(hour: readonly MinuteCounts[]): number[][] {
  const heights = SERIES.map((_, top) =>
    hour.map((minute) => SERIES.slice(0, top + 1).reduce((sum, name) => sum + minute[name], 0)),
  );
  return [hour.map(({ atMs }) => atMs / 1_000), ...heights];
}
