import type { StoreErrorReason } from "./series.ts";

/** What a failure's message says, most telling first. */
const REASONS: readonly (readonly [StoreErrorReason, RegExp])[] = [
  ["timeout", /no answer within|timed? ?out|no time is left/i],
  ["overloaded", /overloaded|max (daily )?requests?|\b429\b|rate limit/i],
  ["denied", /WRONGPASS|NOPERM|NOAUTH|unauthori[sz]ed|\b40[13]\b/i],
  ["protocol", /makes no sense|unexpected reply|JSON|format|ERR |WRONGTYPE/i],
  ["unavailable", /fetch|network|connection|reset|refused|\b5\d\d\b|unreachable|internal error/i],
];

/** The kind of a store's failure: one of few, while messages may say anything. */
export const storeErrorReason = (message: string): StoreErrorReason =>
  REASONS.find(([, pattern]) => pattern.test(message))?.[0] ?? "other";
