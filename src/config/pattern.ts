import { didYouMean } from "./nearest.ts";
import { bad, ok, type Result } from "./result.ts";

/** Which requests: `[METHOD[,METHOD]] [host]/path`. */
export interface Pattern {
  /** Upper case. Undefined: every method. */
  readonly methods: readonly string[] | undefined;
  /** Lower case, with a port only if one was written. Undefined: every host. */
  readonly host: string | undefined;
  /** In Hono's syntax, starting with a slash. */
  readonly path: string;
}

/** The methods that workerd accepts. Another one in a pattern would never match. */
const METHODS = (
  "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE PURGE BAN QUERY COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH " +
  "UNLOCK ACL REPORT MKACTIVITY CHECKOUT MERGE MSEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE"
).split(" ");
const EXAMPLE = `write it like "POST /chat/message" or "GET,PUT api.example.com/items/*"`;
const HOST = /^(\[[0-9a-f:.]+\]|[^\s:/?#*@[\]{}\\]+?)\.?(:\d+)?$/i;
const CONSTRAINT = /\{([^}]+)\}/g;

export function parsePattern(text: string): Result<Pattern> {
  const [, list, host = "", path = ""] = /^\s*(?:(\S.*?)\s+)?([^\s/]*)(\/\S*)\s*$/.exec(text) ?? [];
  if (path === "") return bad(`"${text}" has no path; ${EXAMPLE}`);
  const methods = list?.toUpperCase().split(/\s*,\s*/);
  const unknown = methods?.find((method) => !METHODS.includes(method));
  if (unknown !== undefined)
    return bad(`"${text}": "${unknown}" is not a method${didYouMean(unknown, METHODS)}`);
  const asInUrl = host === "" ? undefined : hostInUrl(host);
  if (host !== "" && asInUrl === undefined) return bad(`"${text}": "${host}" is not a host name; ${EXAMPLE}`);
  const problem = pathProblem(path);
  if (problem) return bad(`"${text}": ${problem}`);
  return ok({ methods, host: asInUrl, path });
}

/** The host as a URL has it: lower case, ASCII, addresses in their short form; with the port if one was written. */
function hostInUrl(written: string): string | undefined {
  const [, name = "", port = ""] = HOST.exec(written) ?? [];
  const url = name === "" ? undefined : `http://${name}${port}`;
  if (url === undefined || !URL.canParse(url)) return undefined;
  return new URL(url).hostname + (port === "" ? "" : `:${Number(port.slice(1))}`);
}

function pathProblem(path: string): string | undefined {
  for (const [, constraint = ""] of path.matchAll(CONSTRAINT)) {
    if (!isRegExp(constraint)) return `"{${constraint}}" is not a regular expression`;
  }
  const plain = path.replace(CONSTRAINT, "").replace(/(:[^/]+)\?$/, "$1");
  if (/[{}]/.test(plain)) return `"{" and "}" must pair up and hold a regular expression`;
  if (/%(2a|2f|3a)/i.test(plain)) return `"*", "/" and ":" cannot be percent-encoded`;
  if (/[?#]/.test(plain)) return "a pattern has no query or fragment";
  if (/:(\/|$)/.test(plain)) return `":" needs a name, as in "/users/:id"`;
  return undefined;
}

function isRegExp(source: string): boolean {
  try {
    return new RegExp(source) instanceof RegExp;
  } catch {
    return false;
  }
}

/** The names of the `:parameters` in a pattern's path. */
export function paramNames(pattern: Pattern): string[] {
  return pattern.path.split("/").flatMap((segment) => /^:([^{}?]+)/.exec(segment)?.[1] ?? []);
}
