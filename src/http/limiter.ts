import type { Config, OutageStep } from "../config/config.ts";
import type { ChargeRequest, PolicyCharge } from "../key/charges.ts";
import type { Log } from "../metrics/log.ts";
import type { MatchedPolicy, Matcher } from "../policy/match.ts";
import { isInNetworks } from "../policy/networks.ts";
import type { Deadline } from "../store/deadline.ts";
import type { Ladder } from "../store/ladder.ts";
import type { Store, TakeAnswer } from "../store/store.ts";
import { crossOrigin, exposeFields } from "./cors.ts";
import { problemResponse } from "./problem.ts";
import type { Forward } from "./proxy.ts";
import { addRateLimitFields } from "./rate-limit-fields.ts";
import { refuse, refuseUnavailable } from "./refusal.ts";
import { readRequest } from "./request-facts.ts";
import type { Applied } from "./verdict.ts";

export interface LimiterParts {
  readonly config: Config;
  readonly matcher: Matcher;
  readonly chargeRequest: ChargeRequest;
  readonly store: Store;
  /** Decides when the store stack itself is at fault. */
  readonly ladder: Ladder;
  /** The longest that one request waits for its stores. */
  readonly newDeadline: () => Deadline;
  readonly forward: Forward;
  readonly log: Log;
}

/** What was decided of a request, before anything is forwarded. */
type Verdict =
  | { readonly kind: "denied" | "not-found" | "unlimited" | "unavailable" }
  | { readonly kind: "admitted" | "refused"; readonly applied: readonly Applied[] };

/** Decides a request and answers it: a refusal of its own, or what the origin says. */
export type Limiter = (request: Request) => Promise<Response>;

/** Reserved for Weir itself: never forwarded. */
const OWN_PATHS = /^\/_weir(\/|$)/;

export function createLimiter(parts: LimiterParts): Limiter {
  const { config, matcher, chargeRequest, store, ladder, newDeadline, forward, log } = parts;

  return async (request) => {
    const url = URL.parse(request.url);
    // What cannot be read cannot be matched, so it is not forwarded either.
    if (!url) return problemResponse({ kind: "bad-request" });
    const verdict = await decide(request, url);
    switch (verdict.kind) {
      case "denied":
      case "not-found":
        return problemResponse({ kind: verdict.kind });
      case "unavailable":
        return exposed(request, refuseUnavailable(request));
      case "unlimited":
        return forward(request, url);
      case "refused":
        return withFields(request, verdict.applied, refuse(request, verdict.applied, config.retryJitter));
      case "admitted":
        return withFields(request, verdict.applied, await forward(request, url));
    }
  };

  async function decide(request: Request, url: URL): Promise<Verdict> {
    let matched: readonly MatchedPolicy[] | undefined;
    try {
      const incoming = readRequest(request, url, config.clientIp);
      if (isInNetworks(incoming.address, config.deny)) return { kind: "denied" };
      if (incoming.paths.some((path) => OWN_PATHS.test(path))) return { kind: "not-found" };
      if (isInNetworks(incoming.address, config.allow) || matcher.isExempt(incoming))
        return { kind: "unlimited" };
      matched = matcher.match(incoming);
      return await take(await chargeRequest(matched, incoming));
    } catch (error) {
      return faulty(error, matched);
    }
  }

  async function take(charges: readonly PolicyCharge[]): Promise<Verdict> {
    if (charges.length === 0) return { kind: "unlimited" };
    const deadline = newDeadline();
    try {
      const own = charges.map(({ charge }) => charge);
      const answer = await store.take(own, deadline).catch((error: unknown) => {
        logFault(error);
        return ladder.take(own, deadline);
      });
      logOutcomes(charges, answer);
      return { kind: answer.admitted ? "admitted" : "refused", applied: advertised(charges, answer) };
    } finally {
      deadline.clear();
    }
  }

  /** A fault before there are charges leads to the policies' steps, but nothing can be counted. */
  function faulty(error: unknown, matched: readonly MatchedPolicy[] | undefined): Verdict {
    logFault(error);
    const steps: OutageStep[] = matched
      ? matched.map(({ policy }) => (policy.mode === "enforce" ? policy.onError : "open"))
      : [config.onError];
    return { kind: steps.includes("closed") ? "unavailable" : "unlimited" };
  }

  function logFault(error: unknown): void {
    log("fault", { message: error instanceof Error ? error.message : String(error) });
  }

  function logOutcomes(charges: readonly PolicyCharge[], { outcomes }: TakeAnswer): void {
    for (const [i, { policy, quota, charge }] of charges.entries()) {
      const outcome = outcomes[i];
      if (outcome?.kind === "decided") {
        const isRefusal = !outcome.decision.allowed;
        if (charge.shadow && isRefusal) log("shadow_refused", { policy: policy.name, quota: quota.name });
      } else if (outcome && outcome.kind !== "unasked") {
        log("degraded", { policy: policy.name, step: outcome.kind });
      }
    }
  }

  function withFields(request: Request, applied: readonly Applied[], response: Response): Response {
    // An answer that switches protocols, or one without any policy to speak of, stays what it is.
    if (response.status === 101 || applied.length === 0) return response;
    try {
      const answer = new Response(response.body, response);
      addRateLimitFields(answer.headers, applied, config.headers);
      return exposed(request, answer);
    } catch (error) {
      // Without fields rather than not at all: the origin has done its work.
      logFault(error);
      return response;
    }
  }

  function exposed(request: Request, answer: Response): Response {
    if (crossOrigin(request) !== undefined) exposeFields(answer.headers, config.headers);
    return answer;
  }
}

/** What callers are told of: shadow policies are not. */
function advertised(charges: readonly PolicyCharge[], { outcomes }: TakeAnswer): Applied[] {
  return charges.flatMap(({ quota, charge }, i) => {
    const outcome = outcomes[i];
    return charge.shadow || !outcome ? [] : [{ quota, key: charge.key, outcome }];
  });
}
