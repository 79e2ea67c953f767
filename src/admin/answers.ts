import type { Problem } from "../config/problem.ts";

/** What every answer of the administration has: none may be kept, or taken for something else. */
const FIELDS = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

const TITLES = {
  400: "Bad Request",
  401: "Unauthorized",
  404: "Not Found",
  405: "Method Not Allowed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
} as const;

type Fields = Readonly<Record<string, string>>;

export function textAnswer(text: string, contentType: string, fields: Fields = {}): Response {
  return new Response(text, { headers: { ...FIELDS, "Content-Type": contentType, ...fields } });
}

export const jsonAnswer = (value: unknown): Response => textAnswer(JSON.stringify(value), "application/json");

export const redirect = (to: string): Response =>
  new Response(null, { status: 302, headers: { ...FIELDS, Location: to } });

/** A problem document. `detail` and `problems` never repeat a key's value. */
export function failure(
  status: keyof typeof TITLES,
  detail: string,
  fields: Fields = {},
  problems?: readonly Problem[],
): Response {
  const body = {
    type: "about:blank",
    title: TITLES[status],
    status,
    detail,
    ...(problems && { problems: problems.map(shown) }),
  };
  const headers = { ...FIELDS, "Content-Type": "application/problem+json", ...fields };
  return new Response(JSON.stringify(body), { status, headers });
}

/** Everything that is wrong with what was sent. */
export const badRequest = (problems: readonly Problem[]): Response =>
  failure(400, "What was sent makes no sense; see problems.", {}, problems);

export function tooMany(waitMs: number, what: string): Response {
  const seconds = Math.max(1, Math.ceil(waitMs / 1_000));
  const again = `try again in ${seconds} second${seconds === 1 ? "" : "s"}.`;
  return failure(429, `${what}; ${again}`, { "Retry-After": String(seconds) });
}

export const notFound = (): Response => failure(404, "There is nothing at this path.");

/** Problems of the configuration's parsers say what would be right behind the first semicolon. */
function shown({ path, message }: Problem): { path: string; problem: string; hint?: string } {
  const end = message.indexOf("; ");
  return end < 0
    ? { path, problem: message }
    : { path, problem: message.slice(0, end), hint: message.slice(end + 2) };
}
