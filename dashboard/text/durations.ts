const UNITS = [
  { name: "d", seconds: 86_400 },
  { name: "h", seconds: 3_600 },
  { name: "min", seconds: 60 },
  { name: "s", seconds: 1 },
] as const;

/** A length of time in its two largest units: `47 s`, `3 min 5 s`, `2 h`. */
export function seconds(total: number): string {
  let left = Math.max(0, Math.ceil(total));
  const parts: string[] = [];
  for (const unit of UNITS) {
    const n = Math.floor(left / unit.seconds);
    left -= n * unit.seconds;
    if (n > 0) parts.push(`${n} ${unit.name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(" ") || "0 s";
}

/** `just now`, `12 s ago`, `in 3 min`. One unit: nobody reads seconds after an hour. */
export function relative(atMs: number, nowMs: number): string {
  const distance = Math.round((atMs - nowMs) / 1_000);
  if (distance === 0) return "just now";
  const rough = roughly(Math.abs(distance));
  return distance > 0 ? `in ${rough}` : `${rough} ago`;
}

/** The span in the largest unit of which there are two. */
function roughly(total: number): string {
  if (total < 120) return `${total} s`;
  const unit = UNITS.find(({ seconds }) => total >= 2 * seconds) ?? UNITS[3];
  return `${Math.round(total / unit.seconds)} ${unit.name}`;
}

const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MINUTE = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY_AND_TIME = new Intl.DateTimeFormat("en-GB", {
  ...{ year: "numeric", month: "short", day: "numeric" },
  ...{ hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" },
});

/** In the operator's time zone: `10:31:05`. */
export const timeOfDay = (atMs: number): string => TIME.format(atMs);

/** `10:31`. */
export const minuteOfDay = (atMs: number): string => MINUTE.format(atMs);

/** In full, for a title. */
export const absolute = (atMs: number): string => DAY_AND_TIME.format(atMs);
