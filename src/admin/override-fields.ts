import type { Field } from "../config/fields.ts";
import { parseRates, type Rate, rateText, windowName } from "../config/rate.ts";
import { all, bad, ok, type Result } from "../config/result.ts";
import type { OverrideEdit } from "../limit/override.ts";
import { CONCURRENCY, MAX_CAPACITY_MS, type Quota } from "../limit/quota.ts";
import { chargesOf, type Target } from "./target.ts";

/** A number for the only quota of a key, or 0 for all of them; or rates, each for the quota of its window. */
export type WrittenLimit = number | readonly Rate[];

const HOUR_MS = 3_600_000;
const MAX_MS = 366 * 24 * HOUR_MS;
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

export const limitField: Field<WrittenLimit> = (input) => {
  if (typeof input === "string") return parseRates(input);
  const isCount = typeof input === "number" && Number.isSafeInteger(input) && input >= 0;
  return isCount ? ok(input) : bad(`must be a whole number or text; write it like 100, 0 or "100/minute"`);
};

/** When an override ends, epoch milliseconds: by default in an hour. */
export const untilField =
  (nowMs: number): Field<number> =>
  (input) => {
    if (input === undefined) return ok(nowMs + HOUR_MS);
    const untilMs = typeof input === "string" ? isoTimeMs(input) : Number.NaN;
    if (Number.isNaN(untilMs)) return bad("is not a time of ISO 8601; write it like 2027-01-31T12:00:00Z");
    if (untilMs <= nowMs) return bad("is in the past");
    return untilMs - nowMs <= MAX_MS ? ok(untilMs) : bad("is more than 366 days away");
  };

/** Epoch milliseconds; not a number when it is no such time. The engine would take 30 February for 2 March. */
function isoTimeMs(text: string): number {
  const isDay = new Date(text.slice(0, 10)).getUTCDate() === Number(text.slice(8, 10));
  return isDay && ISO_TIME.test(text) ? Date.parse(text) : Number.NaN;
}

/** The limit of each quota that it is meant for. */
export function overridesOf(
  target: Target,
  written: WrittenLimit,
  untilMs: number,
): Result<readonly OverrideEdit[]> {
  const charges = chargesOf(target);
  const of = (quota: Quota, limit: number): Result<OverrideEdit> => {
    const charge = charges.find((one) => one.quota === quota);
    return charge && limit * quota.windowMs <= MAX_CAPACITY_MS
      ? ok({ charge, limit, untilMs })
      : bad("is too large; the count times the window in milliseconds must not exceed 2^52");
  };
  const quotas = target.quotas.map(({ quota }) => quota);
  if (quotas.length === 0) return bad("cannot be set: this key has no quota; it is unlimited");
  if (written === 0) return all(quotas.map((quota) => of(quota, 0)));
  const windows = quotas.map((quota) => windowName(rateOf(quota))).join(", ");
  if (typeof written === "number") {
    const [quota] = quotas;
    if (quota && quotas.length === 1) return all([of(quota, written)]);
    return bad(`is one number for ${quotas.length} quotas; write one for each that changes: per ${windows}`);
  }
  return all(
    written.map((rate) => {
      const quota = quotas.find((one) => rateOf(one).windowMs === rate.windowMs);
      return quota
        ? of(quota, rate.limit)
        : bad(`${rateText(rate)} is no quota of this key; it has: ${windows}`);
    }),
  );
}

/** A quota as it would be written. */
const rateOf = ({ algorithm, limit, windowMs }: Quota): Rate => ({
  limit,
  windowMs: algorithm === CONCURRENCY ? undefined : windowMs,
});
