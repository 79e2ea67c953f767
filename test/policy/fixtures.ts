import { parseConfig } from "../../src/config/parse-config.ts";
import { readRequest } from "../../src/http/request-facts.ts";
import { trieRouter } from "../../src/http/trie-router.ts";
import { createMatcher, type Matcher, type RequestLine } from "../../src/policy/match.ts";

type Match = string | readonly string[];

/** A matcher of policies named after their match patterns, and of exempt patterns. */
export function matcherOf(matches: Readonly<Record<string, Match>>, exempt: readonly string[] = []): Matcher {
  const policies = Object.entries(matches).map(([name, match]) => ({ name, match, limit: "5/minute" }));
  return matcherOfEnv({ POLICIES: policies, EXEMPT: exempt });
}

export function matcherOfEnv(env: Readonly<Record<string, unknown>>): Matcher {
  const parsed = parseConfig(env);
  if (!parsed.ok)
    throw new Error(parsed.problems.map(({ path, message }) => `${path}: ${message}`).join("\n"));
  return createMatcher(parsed.config.policies, parsed.config.exempt, trieRouter);
}

/** What the limiter reads of a request such as `POST /chat` or `GET http://example.com:8080/a`. */
export function lineOf(text: string, headers: Record<string, string> = {}): RequestLine {
  const [method = "", target = ""] = text.split(" ");
  const url = target.startsWith("/") ? `https://example.com${target}` : target;
  return readRequest(new Request(url, { method, headers }), new URL(url), () => undefined);
}

/** The names of the policies that apply to a request. */
export function namesOf(matcher: Matcher, text: string, headers?: Record<string, string>): string[] {
  return matcher.match(lineOf(text, headers)).map(({ policy }) => policy.name);
}

/** Whether a policy with this match applies to a request. */
export function applies(match: Match, text: string, headers?: Record<string, string>): boolean {
  return namesOf(matcherOf({ policy: match }), text, headers).length > 0;
}

/** The parameters that a policy with this match reads of a request. */
export function paramsOf(match: Match, text: string): Record<string, string> | undefined {
  const [matched] = matcherOf({ policy: match }).match(lineOf(text));
  return matched && { ...matched.params };
}
