const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const COMMON =
  /^(\d{1,2})\/([A-Za-z]{3})\/(\d{4}):(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,3})\d*)?\s*([+-])(\d\d):?(\d\d)$/;

/** Above these a number counts milli-, micro- and nanoseconds instead of seconds: seconds reach them in the year 5138. */
const LEAST_MS = 1e11;
const LEAST_US = 1e14;
const LEAST_NS = 1e17;

/** The time of a log line in epoch milliseconds; NaN when it is none. Remembers the last text: lines of one second share it. */
export function createTimeReader(): (written: unknown) => number {
  let lastText = "";
  let lastMs = Number.NaN;
  return (written) => {
    if (typeof written === "number") return fromNumber(written);
    if (typeof written !== "string") return Number.NaN;
    if (written !== lastText) {
      lastMs = fromText(written);
      lastText = written;
    }
    return lastMs;
  };
}

/** Seconds, milli-, micro- or nanoseconds since 1970, by their size. */
function fromNumber(number: number): number {
  if (!(number > 0)) return Number.NaN;
  if (number < LEAST_MS) return Math.round(number * 1_000);
  if (number < LEAST_US) return Math.round(number);
  return Math.round(number < LEAST_NS ? number / 1_000 : number / 1_000_000);
}

/** `10/Oct/2026:13:55:36 -0700`, ISO 8601, or a number. Without a time zone it is UTC. */
function fromText(written: string): number {
  const text = written.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return fromNumber(Number(text));
  const common = COMMON.exec(text);
  if (common) return fromCommon(common);
  if (!/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text)) return Number.NaN;
  const iso = text
    .replace(" ", "T")
    .replace(/\s+(?=[+-]|Z$)/, "")
    .replace(/,(?=\d)/, ".");
  return Date.parse(/(Z|[+-]\d\d:?\d\d)$/i.test(iso) ? iso : `${iso}Z`);
}

function fromCommon([
  ,
  day,
  month = "",
  year,
  hour,
  minute,
  second,
  part = "0",
  sign,
  ...zone
]: RegExpExecArray) {
  const index = MONTHS.indexOf(month.toLowerCase());
  if (index < 0) return Number.NaN;
  const milliseconds = Number(part.padEnd(3, "0"));
  const local = Date.UTC(Number(year), index, Number(day), Number(hour), Number(minute), Number(second));
  const offsetMinutes = Number(zone[0]) * 60 + Number(zone[1]);
  return local + milliseconds - (sign === "-" ? -1 : 1) * offsetMinutes * 60_000;
}
