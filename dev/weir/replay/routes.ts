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

const MAX_REMEMBERED = 20_000;
const OWN_PATHS = /^\/_weir(\/|$)/;

const OWN: Route = { kind: "own", matched: [] };
const EXEMPT: Route = { kind: "exempt", matched: [] };

/**
 * Finds what applies to a request, as the limiter does. Opening a WebSocket shows in the status: 101. Request lines whose keys
 * and limits cannot differ have one route, the same object.
 */
export function createRoutes(config: Config): (entry: Entry) => Route {
  const matcher = createMatcher(config.policies, config.exempt, trieRouter);
  const byLine = createMemo<(path: string, make: () => Route) => Route>(50);
  const byId = createMemo<Route>(MAX_REMEMBERED);
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
    const line = host === "" && status !== 101 ? method : `${method} ${status === 101} ${host}`;
    const byPath = byLine(line, () => createMemo<Route>(MAX_REMEMBERED));
    return byPath(path, () => routeOf(entry, path));
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
