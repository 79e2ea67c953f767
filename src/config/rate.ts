import { bad, ok, type Result } from "./result.ts";

/** `limit` units of cost in `windowMs`, or, where that is undefined, at the same time. */
export interface Rate {
  readonly limit: number;
  readonly windowMs: number | undefined;
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ...units(1_000, "s", "sec", "second", "seconds"),
  ...units(60_000, "m", "min", "minute", "minutes"),
  ...units(3_600_000, "h", "hr", "hour", "hours"),
  ...units(86_400_000, "d", "day", "days"),
};
const EXAMPLE = `write it like "5/minute" or "100 per 10s"`;

/** One or more rates, separated by `,` or `;`: `5/minute, 60/hour, 3 concurrent`. No two may have the same window. */
export function parseRates(text: string): Result<Rate[]> {
  if (text.trim() === "") return bad(`is empty; ${EXAMPLE}`);
  const rates: Rate[] = [];
  for (const part of text.split(/[,;]/)) {
    const rate = parseRate(part.trim().toLowerCase());
    if (!rate.ok) return rate;
    if (rates.some(({ windowMs }) => windowMs === rate.value.windowMs)) {
      return bad(`"${text.trim()}" has two quotas for one window; keep the smaller`);
    }
    rates.push(rate.value);
  }
  return ok(rates);
}

function parseRate(text: string): Result<Rate> {
  if (text === "") return bad(`has an empty quota between separators; ${EXAMPLE}`);
  const [, atOnce] = /^(.*\S)\s+concurrent$/.exec(text) ?? [];
  if (atOnce !== undefined) return parseConcurrency(text, atOnce);
  const halves = text.split(/\s*\/\s*|\s+per\s+/);
  const [count = "", window = ""] = halves;
  if (halves.length !== 2) return bad(`"${text}" has no "/" between count and window; ${EXAMPLE}`);
  if (!isCount(count)) return badCount(text, count);
  const windowMs = parseWindow(window);
  return windowMs.ok
    ? ok({ limit: Number(count), windowMs: windowMs.value })
    : bad(`"${text}": ${windowMs.problem}`);
}

function parseConcurrency(text: string, count: string): Result<Rate> {
  if (!isCount(count)) return badCount(text, count);
  return ok({ limit: Number(count), windowMs: undefined });
}

const isCount = (count: string): boolean =>
  /^\d+$/.test(count) && Number(count) >= 1 && Number.isSafeInteger(Number(count));

const badCount = (text: string, count: string) =>
  bad(`"${text}": the count "${count}" is not a whole number of at least 1; ${EXAMPLE}`);

/** A length of time as optional number and unit, in milliseconds: `minute`, `10s`, `2 Minutes`. */
export function parseWindow(text: string): Result<number> {
  const [, digits = "", name = ""] = /^(\d*)\s*([a-z]*)$/.exec(text) ?? [];
  const unitMs = Object.hasOwn(UNITS_MS, name) ? UNITS_MS[name] : undefined;
  if (unitMs === undefined) return bad(`the window "${text}" has no known unit; use s, m, h or d`);
  const count = digits === "" ? 1 : Number(digits);
  if (count < 1 || !Number.isSafeInteger(count * unitMs))
    return bad(`the window "${text}" must be at least 1 and finite`);
  return ok(count * unitMs);
}

/** A length of time with its number, in milliseconds: `1s`, `500ms`, `2 minutes`. */
export function parseDuration(text: string): Result<number> {
  const [, digits = "", name = ""] = /^(\d+)\s*([a-z]+)$/.exec(text.trim().toLowerCase()) ?? [];
  const unitMs = name === "ms" ? 1 : Object.hasOwn(UNITS_MS, name) ? UNITS_MS[name] : undefined;
  const durationMs = Number(digits) * (unitMs ?? 0);
  if (durationMs >= 1 && Number.isSafeInteger(durationMs)) return ok(durationMs);
  return bad(`"${text}" is not a length of time; write it like "1s" or "500ms"`);
}

/** The window as it appears in a quota's public name: `minute`, `10s`, `90s`, `2h`, `concurrent`. */
export function windowName({ windowMs }: Rate): string {
  if (windowMs === undefined) return "concurrent";
  const { count, unit } = inLargestUnit(windowMs);
  return count === 1 ? unit : `${count}${unit[0]}`;
}

/** The rate as a sentence has it: `5 requests per minute`, `1 message per 10 seconds`, `5 concurrent connections`. */
export function rateText({ limit, windowMs }: Rate, what = "request"): string {
  const counted = `${what}${limit === 1 ? "" : "s"}`;
  if (windowMs === undefined) return `${limit} concurrent ${counted}`;
  const { count, unit } = inLargestUnit(windowMs);
  return `${limit} ${counted} per ${count === 1 ? unit : `${count} ${unit}s`}`;
}

/** A window in the largest unit that divides it evenly. */
function inLargestUnit(windowMs: number): { count: number; unit: string } {
  const unit = ["day", "hour", "minute"].find((name) => windowMs % (UNITS_MS[name] ?? 1) === 0) ?? "second";
  return { count: windowMs / (UNITS_MS[unit] ?? 1), unit };
}

function units(ms: number, ...names: string[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, ms]));
}
