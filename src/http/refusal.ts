import { parseAccept } from "hono/utils/accept";
import type { NamedQuota } from "../config/config.ts";
import { allowCrossOrigin } from "./cors.ts";
import { problemBody, problemResponse } from "./problem.ts";
import { refusalPage } from "./refusal-page.ts";
import { type Applied, isDecided, longestRefusal, retryAfterSeconds } from "./verdict.ts";

/** The answer to a request that a quota refused, without rate limit fields. */
export function refuse(request: Request, applied: readonly Applied[], jitter: boolean): Response {
  const refused = applied.filter(isDecided).filter(({ decision }) => !decision.allowed);
  const retryAfter = retryAfterSeconds(applied, jitter);
  const problem = {
    kind: "quota-exceeded",
    detail: detailOf(longestRefusal(refused)?.quota, retryAfter),
    violated: refused.map(({ quota }) => quota.name),
    retryAfter,
  } as const;
  const response = isNavigation(request) ? refusalPage(problemBody(problem)) : problemResponse(problem);
  if (retryAfter !== undefined) response.headers.set("Retry-After", String(retryAfter));
  response.headers.append("Vary", "Accept");
  allowCrossOrigin(request, response.headers);
  return response;
}

function detailOf(quota: NamedQuota | undefined, retryAfter: number | undefined): string {
  const limit = quota?.text ?? "this policy";
  if (retryAfter === undefined) return `This request costs more than the limit of ${limit} ever admits.`;
  return `Limit of ${limit} reached; try again in ${retryAfter} second${retryAfter === 1 ? "" : "s"}.`;
}

/** A browser that goes to a page: GET, and HTML is what it wants most. */
function isNavigation(request: Request): boolean {
  if (request.method !== "GET") return false;
  const accepted = parseAccept(request.headers.get("accept") ?? "");
  const quality = (type: string) => accepted.find((accept) => accept.type === type)?.q ?? 0;
  return quality("text/html") > Math.max(quality("application/json"), quality("application/problem+json"));
}
