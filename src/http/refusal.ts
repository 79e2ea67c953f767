import { CONCURRENCY } from "../limit/quota.ts";
import { crossOrigin } from "./cors.ts";
import { jsonRpcResponse } from "./json-rpc.ts";
import { type Problem, problemBody, problemResponse } from "./problem.ts";
import type { Fields } from "./rate-limit-fields.ts";
import type { RefusalPage } from "./refusal-page.ts";
import { isSocketUpgrade } from "./request-facts.ts";
import { closedSocket, POLICY_VIOLATION, rateLimited, TRY_AGAIN_LATER } from "./socket-refusal.ts";
import { type Applied, type Decided, longestRefusal, refusals, retryAfterSeconds } from "./verdict.ts";

type Refusal = Extract<Problem, { readonly retryAfter: unknown }>;

/** What a client waits that was refused because the store is away. */
const UNAVAILABLE_SECONDS = 1;
const UNAVAILABLE: Refusal = { kind: "store-unavailable", retryAfter: UNAVAILABLE_SECONDS };

/** What a JSON-RPC call is answered with; undefined when the request is none that can be read. */
type CallId = string | number | undefined;

/** Who is refused, and what goes with every form of the answer. */
export interface Refused {
  readonly request: Request;
  readonly callId: CallId;
  /** The rate limit fields, if there is something to say. */
  readonly fields?: Fields;
  /** For people. */
  readonly page: RefusalPage;
}

/** The answer to a request that a quota refused. */
export function refuse(refused: Refused, applied: readonly Applied[], jitter: boolean): Response {
  const { request } = refused;
  const longest = longestRefusal(applied);
  if (!longest) return refuseUnavailable(refused);
  const retryAfter = retryAfterSeconds(applied, jitter);
  const violated = refusals(applied);
  const isLockedOut = violated.some(({ decision }) => decision.lockedOut);
  const problem: Refusal = {
    kind: isLockedOut ? "locked-out" : "quota-exceeded",
    detail: detailOf(longest, retryAfter),
    violated: violated.map(({ quota }) => quota.name),
    retryAfter,
  };
  if (isBrowserSocket(request)) {
    // What is over by itself comes back soon; the others have to change something.
    const isHeld = isLockedOut || longest.quota.quota.algorithm === CONCURRENCY;
    return closedSocket(request, isHeld ? POLICY_VIOLATION : TRY_AGAIN_LATER, rateLimited(retryAfter));
  }
  return answer(refused, problem);
}

/** The answer to a request that may only pass when it was counted, and was not. */
export function refuseUnavailable(refused: Refused): Response {
  if (isBrowserSocket(refused.request))
    return closedSocket(refused.request, TRY_AGAIN_LATER, `unavailable; retry after ${UNAVAILABLE_SECONDS}s`);
  return answer(refused, UNAVAILABLE);
}

/** The same to whomever it may concern: nothing of the request is read. */
export const unavailable = (): Response =>
  problemResponse(UNAVAILABLE, { "Cache-Control": "no-store", "Retry-After": String(UNAVAILABLE_SECONDS) });

/** A browser opens a WebSocket: it sends its origin, and cannot read any answer but a close frame. */
const isBrowserSocket = (request: Request): boolean =>
  isSocketUpgrade(request) && request.headers.has("origin");

function answer(refused: Refused, problem: Refusal): Response {
  const { retryAfter } = problem;
  const origin = crossOrigin(refused.request);
  return inCallersForm(refused, problem, {
    "Cache-Control": "no-store",
    ...(retryAfter !== undefined && { "Retry-After": String(retryAfter) }),
    Vary: "Accept, Origin",
    // A page of another origin may read it, without credentials: it holds nothing of the caller.
    ...(origin !== undefined && { "Access-Control-Allow-Origin": origin }),
    ...refused.fields,
  });
}

function inCallersForm({ request, callId, page }: Refused, problem: Refusal, headers: Fields): Response {
  if (callId !== undefined) return jsonRpcResponse(callId, problemBody(problem), headers);
  if (!isNavigation(request)) return problemResponse(problem, headers);
  const shown = page(problemBody(problem));
  for (const [name, value] of Object.entries(headers)) shown.headers.set(name, value);
  return shown;
}

function detailOf({ quota, decision }: Decided, retryAfter: number | undefined): string {
  if (retryAfter === undefined) return `This request costs more than the limit of ${quota.text} ever admits.`;
  const again = `try again in ${retryAfter} second${retryAfter === 1 ? "" : "s"}.`;
  if (decision.lockedOut) return `Too many requests above the limit of ${quota.text}; ${again}`;
  return `Limit of ${quota.text} reached; ${again}`;
}

/** A browser that goes to a page: GET, and HTML is what it wants most. */
function isNavigation({ method, headers }: Request): boolean {
  if (method !== "GET") return false;
  const accept = (headers.get("accept") ?? "").toLowerCase();
  if (!accept.includes("text/html")) return false;
  const items = accept.split(",");
  const accepted = items.map((item) => item.split(";").map((part) => part.trim()));
  const quality = (type: string) => {
    const [found, ...parameters] = accepted.find(([name]) => name === type) ?? [];
    const written = parameters.find((parameter) => parameter.startsWith("q="));
    return found === undefined ? 0 : Number(written?.slice(2) ?? 1);
  };
  return quality("text/html") > Math.max(quality("application/json"), quality("application/problem+json"));
}
