const TYPES = "https://iana.org/assignments/http-problem-types";

/** Why Weir answers itself instead of the origin. */
export type Problem =
  | {
      /** Locked out: refused for a time because it was refused too often. */
      readonly kind: "quota-exceeded" | "locked-out";
      readonly detail: string;
      readonly violated: readonly string[];
      readonly retryAfter: number | undefined;
    }
  | { readonly kind: "store-unavailable"; readonly retryAfter: number }
  | { readonly kind: "bad-request" }
  | { readonly kind: "denied" }
  | { readonly kind: "origin-unreachable" }
  | { readonly kind: "origin-timeout" };

/** The body of a problem, as RFC 9457 defines it. */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly "violated-policies"?: readonly string[];
  readonly retry_after_seconds?: number;
}

const NOT_CACHED = { "Cache-Control": "no-store" };

/** An answer of Weir's own. None of them may be cached. */
export function problemResponse(
  problem: Problem,
  headers: Readonly<Record<string, string>> = NOT_CACHED,
): Response {
  const body = problemBody(problem);
  // All at once: each field set on a response later is a call into the runtime.
  return new Response(JSON.stringify(body), {
    status: body.status,
    headers: { "Content-Type": "application/problem+json", ...headers },
  });
}

export function problemBody(problem: Problem): ProblemBody {
  switch (problem.kind) {
    case "quota-exceeded":
      return refusal("quota-exceeded", "Quota exceeded", problem);
    case "locked-out":
      return refusal("abnormal-usage-detected", "Abnormal usage detected", problem);
    case "store-unavailable":
      return {
        type: `${TYPES}#temporary-reduced-capacity`,
        title: "Service unavailable",
        status: 503,
        detail: "This request cannot be checked against its limits right now.",
        retry_after_seconds: problem.retryAfter,
      };
    case "bad-request":
      return plain(400, "Bad Request", "The address of this request cannot be read.");
    case "denied":
      return plain(403, "Forbidden", "Requests from this network are not accepted.");
    case "origin-unreachable":
      return plain(502, "Bad Gateway", "The origin server could not be reached or broke off.");
    case "origin-timeout":
      return plain(504, "Gateway Timeout", "The origin server did not answer in time.");
  }
}

function refusal(
  type: string,
  title: string,
  {
    detail,
    violated,
    retryAfter,
  }: { detail: string; violated: readonly string[]; retryAfter: number | undefined },
): ProblemBody {
  const wait = retryAfter === undefined ? {} : { retry_after_seconds: retryAfter };
  return { type: `${TYPES}#${type}`, title, status: 429, detail, "violated-policies": violated, ...wait };
}

function plain(status: number, title: string, detail: string): ProblemBody {
  return { type: "about:blank", title, status, detail };
}
