import { parseAccept } from "hono/utils/accept";
import type { NamedQuota } from "../config/config.ts";
import { allowCrossOrigin } from "./cors.ts";
import { type Problem, problemBody, problemResponse } from "./problem.ts";
import { refusalPage } from "./refusal-page.ts";
import { type Applied, longestRefusal, refusals, retryAfterSeconds } from "./verdict.ts";

type Refusal = Extract<Problem, { readonly retryAfter: unknown }>;

/** What a client waits that was refused because the store is away. */
const UNAVAILABLE_SECONDS = 1;

/** The answer to a request that a quota refused, without rate limit fields. */
export function refuse(request: Request, applied: readonly Applied[], jitter: boolean): Response {
  const longest = longestRefusal(applied);
  if (!longest) return refuseUnavailable(request);
  const retryAfter = retryAfterSeconds(applied, jitter);
  const violated = refusals(applied).map(({ quota }) => quota.name);
  return answer(request, {
    kind: "quota-exceeded",
    detail: detailOf(longest.quota, retryAfter),
    violated,
    retryAfter,
  });
}

/** The answer to a request that may only pass when it was counted, and was not. */
export function refuseUnavailable(request: Request): Response {
  return answer(request, { kind: "store-unavailable", retryAfter: UNAVAILABLE_SECONDS });
}

function answer(request: Request, problem: Refusal): Response {
  const response = isNavigation(request) ? refusalPage(problemBody(problem)) : problemResponse(problem);
  if (problem.retryAfter !== undefined) response.headers.set("Retry-After", String(problem.retryAfter));
  response.headers.append("Vary", "Accept");
  allowCrossOrigin(request, response.headers);
  return response;
}

function detailOf(quota: NamedQuota, retryAfter: number | undefined): string {
  if (retryAfter === undefined) return `This request costs more than the limit of ${quota.text} ever admits.`;
  return `Limit of ${quota.text} reached; try again in ${retryAfter} second${retryAfter === 1 ? "" : "s"}.`;
}

/** A browser that goes to a page: GET, and HTML is what it wants most. */
function isNavigation(request: Request): boolean {
  if (request.method !== "GET") return false;
  const accepted = parseAccept(request.headers.get("accept") ?? "");
  const quality = (type: string) => accepted.find((accept) => accept.type === type)?.q ?? 0;
  return quality("text/html") > Math.max(quality("application/json"), quality("application/problem+json"));
}
