import type { Config } from "../config/config.ts";
import type { ChargeRequest, PolicyCharge } from "../key/charges.ts";
import type { Log } from "../metrics/log.ts";
import type { Matcher } from "../policy/match.ts";
import { isInNetworks } from "../policy/networks.ts";
import type { Store, TakeAnswer } from "../store/store.ts";
import { crossOrigin, exposeFields } from "./cors.ts";
import { problemResponse } from "./problem.ts";
import type { Forward } from "./proxy.ts";
import { addRateLimitFields } from "./rate-limit-fields.ts";
import { refuse } from "./refusal.ts";
import { readRequest } from "./request-facts.ts";
import type { Applied } from "./verdict.ts";

export interface LimiterParts {
  readonly config: Config;
  readonly matcher: Matcher;
  readonly chargeRequest: ChargeRequest;
  readonly store: Store;
  readonly forward: Forward;
  readonly log: Log;
}

/** What was decided of a request, before anything is forwarded. */
type Verdict =
  | { readonly kind: "denied" | "not-found" | "unlimited" }
  | { readonly kind: "admitted" | "refused"; readonly applied: readonly Applied[] };

/** Reserved for Weir itself: never forwarded. */
const OWN_PATHS = /^\/_weir(\/|$)/;

/** Decides a request and answers it: a refusal of its own, or what the origin says. */
export type Limiter = (request: Request) => Promise<Response>;

export function createLimiter({
  config,
  matcher,
  chargeRequest,
  store,
  forward,
  log,
}: LimiterParts): Limiter {
  return async (request) => {
    const verdict = await decide(request).catch(failOpen);
    switch (verdict.kind) {
      case "denied":
      case "not-found":
        return problemResponse({ kind: verdict.kind });
      case "unlimited":
        return forward(request);
      case "refused":
        return withFields(request, verdict.applied, refuse(request, verdict.applied, config.retryJitter));
      case "admitted":
        return withFields(request, verdict.applied, await forward(request));
    }
  };

  async function decide(request: Request): Promise<Verdict> {
    const incoming = readRequest(request, config.clientIp);
    if (isInNetworks(incoming.address, config.deny)) return { kind: "denied" };
    if (incoming.paths.some((path) => OWN_PATHS.test(path))) return { kind: "not-found" };
    if (isInNetworks(incoming.address, config.allow) || matcher.isExempt(incoming))
      return { kind: "unlimited" };
    const charges = await chargeRequest(matcher.match(incoming), incoming);
    if (charges.length === 0) return { kind: "unlimited" };
    const answer = await store.take(charges.map(({ charge }) => charge));
    logShadowRefusals(charges, answer);
    return { kind: answer.admitted ? "admitted" : "refused", applied: advertised(charges, answer) };
  }

  /** A fault of Weir's own must not take the site down: the request passes, and the log says so. */
  function failOpen(error: unknown): Verdict {
    log("fault", { message: error instanceof Error ? error.message : String(error) });
    return { kind: "unlimited" };
  }

  function logShadowRefusals(charges: readonly PolicyCharge[], { decisions }: TakeAnswer): void {
    for (const [i, { policy, quota, charge }] of charges.entries()) {
      if (charge.shadow && decisions[i]?.allowed === false)
        log("shadow_refused", { policy: policy.name, quota: quota.name });
    }
  }

  function withFields(request: Request, applied: readonly Applied[], response: Response): Response {
    // An answer that switches protocols, or one without any policy to speak of, stays what it is.
    if (response.status === 101 || applied.length === 0) return response;
    const answer = new Response(response.body, response);
    addRateLimitFields(answer.headers, applied, config.headers);
    if (crossOrigin(request) !== undefined) exposeFields(answer.headers, config.headers);
    return answer;
  }
}

/** What callers are told of: shadow policies are not. */
function advertised(charges: readonly PolicyCharge[], { decisions }: TakeAnswer): Applied[] {
  const all = charges.map(({ quota, charge }, i) => ({ quota, charge, decision: decisions[i] }));
  return all.filter(({ charge }) => !charge.shadow);
}
