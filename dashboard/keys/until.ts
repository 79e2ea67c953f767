/** How long an override may last: quick choices, or a time of the operator's own. */
export const LENGTHS = [
  { id: "15m", label: "15 min", ms: 15 * 60_000 },
  { id: "1h", label: "1 hour", ms: 3_600_000 },
  { id: "24h", label: "24 hours", ms: 86_400_000 },
] as const;

export const OWN = "own";
export type Length = (typeof LENGTHS)[number]["id"] | typeof OWN;

const LONGEST_MS = 366 * 86_400_000;

/**
 * When it ends, epoch milliseconds, or what is wrong with the time given.
 *
 * @param local as an input of type datetime-local has it: `2026-11-22T11:00`, in the operator's time zone
 */
export function untilMs(length: Length, local: string, nowMs: number): number | string {
  const quick = LENGTHS.find(({ id }) => id === length);
  if (quick) return nowMs + quick.ms;
  const atMs = new Date(local).getTime();
  if (Number.isNaN(atMs)) return "Choose a date and time.";
  if (atMs <= nowMs) return "That time is past.";
  return atMs - nowMs > LONGEST_MS ? "At most 366 days from now." : atMs;
}
