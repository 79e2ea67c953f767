import { type Answer, quotasOf } from "./answer.ts";
import { type Finding, verdict } from "./finding.ts";

/** Seconds to wait by a refusal; undefined when it does not say so in whole seconds. */
export function retryAfterOf({ headers }: Answer): number | undefined {
  const text = headers.get("retry-after") ?? "";
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Whether a refusal is complete, may not be cached, and can be read by scripts of other origins. */
export function checkRefusal(answer: Answer): Finding[] {
  const { headers } = answer;
  const retryAfter = retryAfterOf(answer);
  const shortest = Math.min(
    ...quotasOf(answer)
      .filter(({ remaining }) => remaining === 0)
      .map(waitOf),
  );
  const cache = (headers.get("cache-control") ?? "").toLowerCase();
  const allowed = headers.get("access-control-allow-origin");
  return [
    verdict(
      "Retry-After",
      [
        ...(retryAfter === undefined ? ["missing or no whole number of seconds"] : []),
        ...(retryAfter === 0 ? ["0 makes clients come back at once"] : []),
        ...(retryAfter !== undefined && retryAfter < shortest && shortest < Number.POSITIVE_INFINITY
          ? [`${retryAfter}, earlier than t=${shortest} of RateLimit`]
          : []),
      ],
      `${retryAfter} s`,
    ),
    verdict(
      "no-store",
      cache.includes("no-store")
        ? []
        : [`Cache-Control is "${cache}": a cache may give the refusal to others`],
      "refusals are not cached",
    ),
    verdict(
      "CORS of refusals",
      allowed === null
        ? ["no Access-Control-Allow-Origin: scripts of other origins see a network error"]
        : [],
      "scripts of other origins can read refusals",
    ),
    verdict("problem document", bodyProblems(answer, retryAfter), "the body says the same"),
  ];
}

const waitOf = ({ moreRoomSeconds }: { moreRoomSeconds: number }): number => moreRoomSeconds;

function bodyProblems({ headers, body }: Answer, retryAfter: number | undefined): string[] {
  const type = headers.get("content-type") ?? "";
  if (!type.startsWith("application/problem+json")) return [`the body is "${type}"`];
  let problem: Readonly<Record<string, unknown>>;
  try {
    problem = JSON.parse(body) as Readonly<Record<string, unknown>>;
  } catch {
    return ["the body is not JSON"];
  }
  return [
    ...(problem.status === 429 ? [] : [`status is ${problem.status}`]),
    ...(Array.isArray(problem["violated-policies"]) ? [] : ["violated-policies is missing"]),
    ...(retryAfter === undefined || problem.retry_after_seconds === retryAfter
      ? []
      : [`retry_after_seconds is ${problem.retry_after_seconds}`]),
  ];
}
