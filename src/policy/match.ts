import type { Policy } from "../config/config.ts";
import type { Pattern } from "../config/pattern.ts";
import { lenientPattern } from "./path-forms.ts";

/** Paths in Hono's syntax: every pattern that a path matches, in the order they were added. */
export interface PathRouter<T> {
  add(path: string, value: T): void;
  match(path: string): readonly (readonly [value: T, params: Params])[];
}

export type Params = Readonly<Record<string, string>>;

/** What of a request decides which policies apply. */
export interface RequestLine {
  /** Upper case. */
  readonly method: string;
  /** Lower case, with the port if the URL has one. */
  readonly host: string;
  /** The path as it was sent. */
  readonly sentPath: string;
  /** The forms that policies are matched against, of `pathForms`. */
  readonly paths: readonly string[];
  /** A CORS preflight: only patterns that name OPTIONS match it. */
  readonly isPreflight: boolean;
}

export interface MatchedPolicy {
  readonly policy: Policy;
  /** The form of the path that matched. */
  readonly path: string;
  /** The `:parameters` of that form. */
  readonly params: Params;
}

export interface Matcher {
  /** The policies that apply, in the order of the configuration: once for each form of the path that matches. */
  match(line: RequestLine): readonly MatchedPolicy[];
  /** Whether the request is never limited. */
  isExempt(line: RequestLine): boolean;
}

/** A pattern of a policy. */
interface Rule {
  readonly order: number;
  readonly policy: Policy;
  readonly pattern: Pattern;
}

const EVERY_PATH = "/*";

export function createMatcher(
  policies: readonly Policy[],
  exempt: readonly Pattern[],
  newRouter: <T>() => PathRouter<T>,
): Matcher {
  const policyRouter = newRouter<Rule>();
  /** Needs no router, and mostly there is nothing else. */
  const everywhere: (readonly [Rule, Params])[] = [];
  let isRouted = false;
  for (const [order, policy] of policies.entries()) {
    if (policy.mode === "off") continue;
    for (const pattern of policy.match) {
      const rule = { order, policy, pattern };
      if (pattern.path === EVERY_PATH) everywhere.push([rule, {}]);
      else policyRouter.add(lenientPattern(pattern.path), rule);
      isRouted ||= pattern.path !== EVERY_PATH;
    }
  }
  const exemptRouter = newRouter<Pattern>();
  for (const pattern of exempt) exemptRouter.add(asSent(pattern.path), pattern);

  return {
    match(line) {
      const matched = line.paths.flatMap((path) => [...matchForm(path, line)]);
      return matched.sort(([a], [b]) => a - b).map(([, policy]) => policy);
    },

    isExempt(line) {
      // A path that an origin may read as another one is not exempt.
      if (exempt.length === 0 || line.paths.length > 1) return false;
      const patterns = exemptRouter.match(line.sentPath);
      return patterns.some(([pattern]) => matchesRest(pattern, { ...line, isPreflight: false }));
    },
  };

  /** What one form of the path matches, by the order of the policies. */
  function matchForm(path: string, line: RequestLine): Map<number, MatchedPolicy> {
    const matched = new Map<number, MatchedPolicy>();
    const rules = isRouted ? [...policyRouter.match(path), ...everywhere] : everywhere;
    for (const [{ order, policy, pattern }, params] of rules) {
      if (!matchesRest(pattern, line)) continue;
      matched.set(order, { policy, path, params: { ...params, ...matched.get(order)?.params } });
    }
    return matched;
  }
}

/** A path as it stands in a request, where characters outside ASCII are percent-encoded. */
const asSent = (path: string): string => path.replace(/[^ -~]+/g, encodeURIComponent);

function matchesRest({ methods, host }: Pattern, line: RequestLine): boolean {
  return matchesHost(host, line.host) && matchesMethod(methods, line);
}

function matchesMethod(methods: Pattern["methods"], { method, isPreflight }: RequestLine): boolean {
  if (methods === undefined) return !isPreflight;
  return methods.includes(method) || (method === "HEAD" && methods.includes("GET"));
}

function matchesHost(wanted: string | undefined, host: string): boolean {
  if (wanted === undefined || wanted === host) return true;
  const [, name = "", port = ""] = /^(.*?)\.?(:\d+)?$/.exec(host) ?? [];
  // A URL leaves out the port that goes with its scheme.
  const ports = port === "" ? ["", ":80", ":443"] : ["", port];
  return ports.some((known) => wanted === name + known);
}
