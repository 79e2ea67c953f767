/** A request as a log has it. */
export interface Entry {
  /** When it arrived, or as near to that as the log says. Epoch milliseconds. */
  readonly timeMs: number;
  /** Upper case. */
  readonly method: string;
  /** Lower case; empty where the log does not say. */
  readonly host: string;
  /** Path and query as they were sent, with a slash in front. */
  readonly target: string;
  /** As it stands in the log. */
  readonly address: string;
  /** Of the answer; 0 where the log does not say. */
  readonly status: number;
  /** Further values by key part: `header:user-agent`, `country`, `jwt:sub`. */
  readonly values?: ReadonlyMap<string, string> | undefined;
}

/** What a line says: a request, or why it says none. */
export type Read = Entry | string;

/** The entry of a request line and what stands around it, or what is wrong with it. `target` may be a whole URL. */
export function entryOf(
  timeMs: number,
  method: string,
  target: string,
  rest: Pick<Entry, "address" | "status" | "host" | "values">,
): Read {
  if (!Number.isFinite(timeMs)) return "no time that can be read";
  if (!/^[A-Za-z]+(-[A-Za-z]+)?$/.test(method)) return "no method";
  if (rest.address === "" || rest.address === "-") return "no address";
  const local = target.startsWith("/") ? target : undefined;
  const url = local === undefined && /^https?:\/\//i.test(target) ? URL.parse(target) : null;
  if (local === undefined && !url) return "no path";
  return {
    timeMs,
    method: method.toUpperCase(),
    target: local ?? `${url?.pathname}${url?.search}`,
    address: rest.address,
    host: (rest.host || url?.host || "").toLowerCase(),
    status: rest.status,
    values: rest.values,
  };
}
