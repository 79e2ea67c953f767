import type { Config } from "../config/config.ts";
import type { VerifyToken } from "../key/token-verifier.ts";
import type { Log } from "../metrics/log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { crossOrigin, exposeFields } from "./cors.ts";
import { type Decide, logFault, type Verdict } from "./decide.ts";
import type { Provisional } from "./outcomes.ts";
import { problemResponse } from "./problem.ts";
import type { Forward } from "./proxy.ts";
import { addRateLimitFields, type Fields, rateLimitFields } from "./rate-limit-fields.ts";
import { refuse, refuseUnavailable, unavailable } from "./refusal.ts";
import type { RefusalPage } from "./refusal-page.ts";
import type { Incoming } from "./request-facts.ts";
import { createRequestReader, type RequestReader } from "./request-reader.ts";
import type { Settle } from "./settle.ts";
import type { Attend } from "./under-way.ts";
import type { Applied } from "./verdict.ts";

export interface LimiterParts {
  readonly config: Pick<Config, "headers" | "retryJitter">;
  readonly decide: Decide;
  readonly own: Own;
  readonly verifyToken: VerifyToken;
  readonly forward: Forward;
  readonly settle: Settle;
  readonly attend: Attend;
  readonly refusalPage: RefusalPage;
  readonly log: Log;
  /** For what no policy decides. */
  readonly count: Metrics["count"];
}

/** Answers a request that is for Weir itself. Never rejects. */
export type Own = (request: Request, incoming: Incoming) => Promise<Response>;

/** Decides a request and answers it: a refusal of its own, or what the origin says. Never rejects. */
export type Limiter = (request: Request) => Promise<Response>;

export function createLimiter(parts: LimiterParts): Limiter {
  const { config, decide, own, verifyToken, forward, settle, attend, refusalPage: page, log, count } = parts;

  return async (request) => {
    const url = URL.parse(request.url);
    // What cannot be read cannot be matched, so it is not forwarded either.
    if (!url) return problemResponse({ kind: "bad-request" });
    const reader = createRequestReader(request, verifyToken);
    const verdict = await decide(request, url, reader);
    const { kind } = verdict;
    try {
      if (kind === "denied" || kind === "unlimited" || kind === "unavailable") count(`answers ${kind}`);
      return await answer(verdict, request, url, reader);
    } catch (error) {
      logFault(log, error);
      // Nothing is forwarded now: the origin may have had the request already, or must not have it.
      return kind === "admitted" || kind === "unlimited"
        ? problemResponse({ kind: "origin-unreachable" })
        : unavailable();
    }
  };

  async function answer(
    verdict: Verdict,
    request: Request,
    url: URL,
    reader: RequestReader,
  ): Promise<Response> {
    switch (verdict.kind) {
      case "denied":
        return problemResponse({ kind: "denied" });
      case "own":
        return own(request, verdict.incoming);
      case "unavailable":
        return exposed(request, refuseUnavailable({ request, page, callId: await reader.callId() }));
      case "unlimited":
        return forward(reader.current(), url);
      case "refused": {
        const fields = fieldsOf(verdict.applied);
        const refused = { request, page, callId: await reader.callId(), fields };
        return exposed(request, refuse(refused, verdict.applied, config.retryJitter));
      }
      case "admitted": {
        const response = await attend(verdict, request, async (leaves) => {
          return settled(verdict.provisional, await forward(reader.current(), url, leaves));
        });
        return withFields(request, verdict.applied, response);
      }
    }
  }

  function settled(provisional: readonly Provisional[], response: Response): Response {
    try {
      return settle(provisional, response);
    } catch (error) {
      // The reservation stands rather than that the answer is lost: the origin has done its work.
      logFault(log, error);
      return response;
    }
  }

  function fieldsOf(applied: readonly Applied[]): Fields {
    try {
      return rateLimitFields(applied, config.headers);
    } catch (error) {
      // Without fields rather than not at all.
      logFault(log, error);
      return {};
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
      logFault(log, error);
      return response;
    }
  }

  function exposed(request: Request, answer: Response): Response {
    if (answer.status !== 101 && crossOrigin(request) !== undefined)
      exposeFields(answer.headers, config.headers);
    return answer;
  }
}
