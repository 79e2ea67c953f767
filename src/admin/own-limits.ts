import type { Policy } from "../config/config.ts";
import type { Incoming } from "../http/request-facts.ts";
import type { ChargeRequest } from "../key/charges.ts";
import { readPart } from "../key/key-part.ts";
import type { RequestFacts } from "../key/request-facts.ts";
import type { VerifyToken } from "../key/token-verifier.ts";
import type { MatchedPolicy, Matcher } from "../policy/match.ts";
import { pathForms } from "../policy/path-forms.ts";
import type { Deadline } from "../store/deadline.ts";
import { badRequest, jsonAnswer, tooMany } from "./answers.ts";
import type { Desk } from "./desk.ts";
import { stateOf } from "./key-state.ts";
import type { OwnQuota } from "./own-quota.ts";
import type { Handler } from "./routes.ts";

export interface OwnLimitsParts {
  readonly policies: readonly Policy[];
  readonly matcher: Matcher;
  readonly chargeRequest: ChargeRequest;
  readonly verifyToken: VerifyToken;
  readonly newDeadline: () => Deadline;
  readonly desk: Pick<Desk, "peek">;
  /** Of this very question. */
  readonly quota: OwnQuota;
}

/** Nobody sends a body to ask. */
const NO_BODY: RequestFacts["body"] = { json: { kind: "absent" }, message: { kind: "absent" } };

/** Tells callers how they stand under the policies whose key they have, as their next request would: it takes nothing. */
export function createOwnLimits(parts: OwnLimitsParts): Handler {
  const { policies, matcher, chargeRequest, verifyToken, newDeadline, desk, quota } = parts;
  const decided = policies.filter(({ on, mode }) => on === "request" && mode !== "off");

  async function withToken(matched: readonly MatchedPolicy[], facts: RequestFacts): Promise<RequestFacts> {
    const { needs } = await chargeRequest(matched)(facts);
    if (needs === undefined) return facts;
    const deadline = newDeadline();
    const claims = await verifyToken(facts.headers.get("authorization"), deadline);
    deadline.clear();
    return { ...facts, claims: claims ?? {} };
  }

  return async (_, incoming) => {
    const waitMs = await quota.take(incoming);
    if (waitMs > 0) return tooMany(waitMs, "Too many questions from this address");
    const { searchParams } = incoming.url;
    const path = searchParams.get("path");
    const method = searchParams.get("method") ?? "GET";
    const asked = askedFor(incoming, path ?? "/", method);
    if (!asked)
      return badRequest([{ path: "path", message: `is not a path; write it like "/chat/message"` }]);
    if (!/^[a-z]+$/i.test(method)) return badRequest([{ path: "method", message: "is not a method" }]);
    const wanted =
      path === null ? decided.map((policy) => ({ policy, path: "", params: {} })) : matches(asked);
    const bodiless = wanted.filter(({ policy }) => !readsBody(policy));
    const facts = await withToken(bodiless, asked);
    const present = bodiless.filter((match) => hasKey(match, facts));
    const { known } = await chargeRequest(present)(facts);
    const standings = await desk.peek(known.map(({ charge }) => charge));
    const states = known.flatMap((one, i) => {
      const standing = standings[i];
      return standing ? [stateOf(one.quota, standing)] : [];
    });
    return jsonAnswer({ states });
  };

  function matches(asked: Incoming): readonly MatchedPolicy[] {
    return matcher.isExempt(asked)
      ? []
      : matcher.match(asked).filter(({ policy }) => policy.on === "request");
  }
}

/** The caller's request, as if it were to another path of the same host; undefined when that is none. */
function askedFor(incoming: Incoming, path: string, method: string): Incoming | undefined {
  // As text: a path that begins with two slashes would be taken for a host.
  const url = path.startsWith("/") ? URL.parse(incoming.url.origin + path) : null;
  if (!url) return undefined;
  return {
    ...incoming,
    method: method.toUpperCase(),
    url,
    sentPath: url.pathname,
    paths: pathForms(url.pathname),
    isPreflight: false,
    body: NO_BODY,
  };
}

function readsBody({ key, limits }: Policy): boolean {
  const parts = [...key.flatMap((group) => group.parts), ...(limits.kind === "table" ? [limits.by] : [])];
  return parts.some(({ kind }) => kind === "mcp" || kind === "body");
}

/** Whether the key is the caller's own: what all share who lack it is nobody's business. */
function hasKey(match: MatchedPolicy, facts: RequestFacts): boolean {
  const { key } = match.policy;
  return key.every(({ parts }) => parts.some((part) => readPart(part, facts, match).kind === "value"));
}
