import { parseList } from "structured-headers";

/** One member of `RateLimit` or `RateLimit-Policy`: its name with its parameters. */
export type Member = readonly [name: string, parameters: Readonly<Record<string, unknown>>];

/** Reads a field as a client would, with a parser of its own: a List of Strings with parameters. */
export function members(response: Response, field: string): Member[] {
  return parseList(response.headers.get(field) ?? "").map((member) => {
    const [name, parameters] = member as [unknown, Map<string, unknown>];
    if (typeof name !== "string") throw new Error(`${field} is not a List of Strings`);
    return [name, Object.fromEntries(parameters)];
  });
}

/** The X-RateLimit fields and Retry-After as numbers; undefined where one is missing. */
export function numbers(response: Response) {
  const number = (field: string) => {
    const value = response.headers.get(field);
    return value === null ? undefined : Number(value);
  };
  return {
    limit: number("x-ratelimit-limit"),
    remaining: number("x-ratelimit-remaining"),
    reset: number("x-ratelimit-reset"),
    retryAfter: number("retry-after"),
  };
}
