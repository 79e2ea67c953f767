import type { Config, Policy } from "../../../src/config/config.ts";
import type { KeyPart } from "../../../src/config/key-expression.ts";
import { trieRouter } from "../../../src/http/trie-router.ts";
import { createMatcher, type MatchedPolicy, type RequestLine } from "../../../src/policy/match.ts";
import { pathForms } from "../../../src/policy/path-forms.ts";
import type { Entry } from "../log/entry.ts";
import { createMemo } from "./memo.ts";

/** What a request line leads to. */
export interface Route {
  readonly kind: "own" | "exempt" | "matched";
  readonly matched: readonly MatchedPolicy[];
}

/** Longer ones are looked at each time: hardly any comes twice. */
const MAX_PATH_LENGTH = 500;
const OWN_PATHS = /^\/_weir(\/|$)/;

const OWN: Route = { kind: "own", matched: [] };
const EXEMPT: Route = { kind: "exempt", matched: [] };

/**
 * Finds what applies to a request, as the limiter does. Opening a WebSocket shows in the status: 101. Request lines whose keys
 * and limits cannot differ have one route, the same object.
 *
 * @param maxRemembered how many request lines are remembered, and as many again for a while
 */
export function createRoutes(config: Config, maxRemembered: number): (entry: Entry) => Route {
  const matcher = createMatcher(config.policies, config.exempt, trieRouter);
  const byLine = createMemo<Route>(maxRemembered);
  const byId = createMemo<Route>(maxRemembered);
  const reads = new Set(config.policies.flatMap(partsRead).map(({ kind }) => kind));

  function routeOf(entry: Entry, path: string): Route {
    const { method, host } = entry;
    const sentPath = sentPathOf(path);
    // Practically every OPTIONS request is a preflight; a log does not tell.
    const line: RequestLine = {
      method,
      host,
      sentPath,
      paths: pathForms(sentPath),
      isPreflight: method === "OPTIONS",
    };
    if (line.paths.some((form) => OWN_PATHS.test(form))) return OWN;
    if (matcher.isExempt(line)) return EXEMPT;
    const matched = matcher.match(line).filter(({ policy }) => applies(policy, entry));
    return byId(idOf(matched, entry), () => ({ kind: "matched", matched }));
  }

  /** Only what some key reads tells routes apart. */
  function idOf(matched: readonly MatchedPolicy[], { method, host }: Entry): string {
    const policies = matched.map(({ policy, path, params }) => [
      policy.name,
      reads.has("path") ? path : "",
      reads.has("param") ? params : {},
    ]);
    return JSON.stringify([policies, reads.has("method") ? method : "", reads.has("host") ? host : ""]);
  }

  return (entry) => {
    const end = entry.target.indexOf("?");
    const path = end < 0 ? entry.target : entry.target.slice(0, end);
    const { method, host, status } = entry;
    if (path.length + host.length > MAX_PATH_LENGTH) return routeOf(entry, path);
    const opens = status === 101 ? " opens a socket" : "";
    return byLine(`${method} ${host}${path}${opens}`, () => routeOf(entry, path));
  };
}

/** Messages are in no log. */
const applies = ({ on }: Policy, { method, status }: Entry): boolean =>
  on === "request" || (on === "connection" && method === "GET" && status === 101);

/** The key parts that a policy looks at. */
export function partsRead({ key, limits }: Policy): readonly KeyPart[] {
  return [...key.flatMap(({ parts }) => parts), ...(limits.kind === "table" ? [limits.by] : [])];
}

/** The path as the Worker gets it: without dot segments, and with strange characters percent-encoded. */
function sentPathOf(path: string): string {
  if (/^[\w/:;,@!$&'()*+=~%-]*(\.[\w]+)?$/.test(path)) return path;
  return URL.parse(`http://host.invalid${path}`)?.pathname ?? path;
}
