import { entryOf, type Read } from "./entry.ts";
import { createTimeReader } from "./times.ts";

/**
 * Reads lines of the common and combined log format, also with the virtual host in front:
 * `[host] address ident user [time] "METHOD target HTTP/1.1" status bytes "referer" "user agent"`. By hand: a regular
 * expression for all of it is several times slower.
 *
 * @param wantsHeaders whether referer and user agent are of interest
 */
export function createCombinedReader(wantsHeaders: boolean): (line: string) => Read {
  const readTime = createTimeReader();

  return (line) => {
    const open = line.indexOf(" [");
    const close = line.indexOf("] ", open);
    if (open < 0 || close < 0) return "no time in brackets";
    const start = line.indexOf('"', close);
    const end = start < 0 ? -1 : closingQuote(line, start + 1);
    if (end < 0) return "no request in quotes";
    const first = line.indexOf(" ", start);
    if (first < 0 || first > end) return "no request line";
    const last = line.lastIndexOf(" ", end);
    const target = line.slice(first + 1, last > first ? last : end);
    const { address, host } = callerOf(line, open);
    const status = Number(line.slice(end + 2, end + 5));
    return entryOf(readTime(line.slice(open + 2, close)), line.slice(start + 1, first), target, {
      address,
      host,
      status: status >= 100 && status <= 999 ? status : 0,
      values: wantsHeaders ? quotedValues(line, end + 1) : undefined,
    });
  };
}

/** The quote that ends a text, which may hold escaped ones; -1 when there is none. */
function closingQuote(line: string, from: number): number {
  let end = line.indexOf('"', from);
  while (end > 0 && isEscaped(line, end)) end = line.indexOf('"', end + 1);
  return end;
}

function isEscaped(line: string, at: number): boolean {
  let backslashes = 0;
  while (line.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes += 1;
  return backslashes % 2 === 1;
}

/** What stands in front of the time: the address first, or after the host that was asked. */
function callerOf(line: string, end: number): { address: string; host: string } {
  const first = line.indexOf(" ");
  const word = line.slice(0, Math.min(first, end));
  if (looksLikeAddress(word)) return { address: word, host: "" };
  const second = line.indexOf(" ", first + 1);
  const next = second < 0 || second > end ? "" : line.slice(first + 1, second);
  // A server that looks names up writes the caller's name in the place of the address.
  return looksLikeAddress(next) ? { address: next, host: word } : { address: word, host: "" };
}

/** Digits and dots, or with colons and hexadecimal digits; what is more the matcher decides. */
const looksLikeAddress = (word: string): boolean =>
  /^(\d+\.\d+\.\d+\.\d+|[0-9a-f.]*:[0-9a-f.:]*:[0-9a-f.:]*)$/i.test(word);

/** Referer and user agent, in this order behind the request. */
function quotedValues(line: string, from: number): ReadonlyMap<string, string> | undefined {
  const values = new Map<string, string>();
  let at = from;
  for (const name of ["header:referer", "header:user-agent"]) {
    const start = line.indexOf('"', at);
    const end = start < 0 ? -1 : closingQuote(line, start + 1);
    if (end < 0) break;
    const value = line.slice(start + 1, end);
    if (value !== "-") values.set(name, value);
    at = end + 1;
  }
  return values.size > 0 ? values : undefined;
}
