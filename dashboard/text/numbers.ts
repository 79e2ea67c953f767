const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const TENTHS = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** `12,030`. */
export const count = (n: number): string => WHOLE.format(n);

/** Short, for an axis: `12K`. */
export const compact = (n: number): string => COMPACT.format(n);

/** A rate: with a tenth as long as that says something. `0.4`, `31`. */
export const rate = (n: number): string => (n < 10 ? TENTHS : WHOLE).format(n);

/** A share of a whole in per cent: `0%`, `<0.1%`, `3.2%`, `48%`. Of nothing: a dash. */
export function share(part: number, whole: number): string {
  if (whole === 0) return "–";
  const percent = (100 * part) / whole;
  if (percent > 0 && percent < 0.1) return "<0.1%";
  return `${(percent < 10 ? TENTHS : WHOLE).format(percent)}%`;
}

/** `1 key`, `3 keys`. */
export const counted = (n: number, one: string, many = `${one}s`): string =>
  `${count(n)} ${n === 1 ? one : many}`;

/** Milliseconds as a latency: `2.1 ms`, `1.2 s`. Unknown: a dash. */
export function latency(ms: number | null): string {
  if (ms === null) return "–";
  return ms < 1_000 ? `${rate(ms)} ms` : `${TENTHS.format(ms / 1_000)} s`;
}
