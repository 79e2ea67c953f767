import { minuteOfDay } from "../text/durations.ts";
import { count } from "../text/numbers.ts";
import { type Counted, type MinuteCounts, totals } from "./columns.ts";

/** The chart in words. */
export function chartText(hour: readonly MinuteCounts[]): string {
  const all = totals(hour);
  const limited = (minute: Counted) => minute.allowed + minute.refused + minute.degraded + minute.unavailable;
  const busiest = hour.reduce((most, minute) => (limited(minute) > limited(most) ? minute : most));
  return (
    `Requests in each minute of the last hour. In all ${list(all)}.` +
    ` Busiest minute: ${minuteOfDay(busiest.atMs)} with ${count(limited(busiest))}.`
  );
}

/** One minute in words: `10:31: 212 allowed, 3 refused`. */
export const minuteText = (minute: MinuteCounts): string => `${minuteOfDay(minute.atMs)}: ${list(minute)}`;

function list({ allowed, refused, degraded, unavailable }: Counted): string {
  return [
    `${count(allowed)} allowed`,
    `${count(refused)} refused`,
    ...(degraded > 0 ? [`${count(degraded)} degraded`] : []),
    ...(unavailable > 0 ? [`${count(unavailable)} answered 503`] : []),
  ].join(", ");
}
