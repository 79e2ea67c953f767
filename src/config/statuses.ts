import { show } from "./fields.ts";
import { all, bad, ok, type Result } from "./result.ts";

/** Response statuses, both ends included. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** Which responses stay charged: `all` (undefined), or statuses such as `401, 403, 5xx`. */
export function parseStatuses(input: unknown): Result<readonly StatusRange[] | undefined> {
  const items = Array.isArray(input) ? input : typeof input === "string" ? input.split(",") : [input];
  if (items.length === 1 && isAll(items[0])) return ok(undefined);
  return all(items.map(parseStatus));
}

const isAll = (item: unknown): boolean => typeof item === "string" && item.trim().toLowerCase() === "all";

function parseStatus(item: unknown): Result<StatusRange> {
  const text = typeof item === "number" ? String(item) : item;
  const [, hundreds, rest] = typeof text === "string" ? (/^\s*([1-5])(\d\d|xx)\s*$/i.exec(text) ?? []) : [];
  if (hundreds === undefined || rest === undefined)
    return bad(`${show(item)} is not "all" or a status; write it like "401, 403, 5xx"`);
  const first = Number(hundreds) * 100;
  if (/x/i.test(rest)) return ok({ from: first, to: first + 99 });
  return ok({ from: first + Number(rest), to: first + Number(rest) });
}
