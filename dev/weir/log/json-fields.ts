import { parseKeyPart } from "../../../src/config/key-expression.ts";
import { partName } from "../../../src/key/key-part.ts";
import { UsageError } from "../usage-error.ts";

/** Where a value stands in a JSON line: the members to go through. */
export type FieldPath = readonly string[];

/** The parts of a request, each with where it may stand: the first that is there counts. */
export type FieldPaths = ReadonlyMap<string, readonly FieldPath[]>;

/** What every line must or may say besides key parts. */
const FACTS = ["time", "ip", "method", "path", "host", "status", "request"] as const;

/** Names that servers and log shippers use: nginx, Caddy, Traefik, Envoy, AWS, and Cloudflare's Logpush. */
const USUAL: Readonly<Record<string, string>> = {
  time: "time timestamp @timestamp ts datetime date time_iso8601 timestamp_iso8601 time_local msec start_time StartUTC EdgeStartTimestamp",
  ip: "ip client_ip clientIp remote_addr remote_ip client.ip request.client_ip request.remote_ip ClientHost ClientIP sourceIp downstream_remote_address address",
  method:
    "method request_method request.method requestMethod http_method httpMethod RequestMethod ClientRequestMethod verb",
  path: "path uri request_uri url request.uri request.url http_url target RequestPath ClientRequestURI ClientRequestPath",
  host: "host http_host request.host server_name authority RequestHost ClientRequestHost vhost domain",
  status:
    "status status_code statusCode response.status response_code http_status DownstreamStatus EdgeResponseStatus",
  request: "request",
  country: "country ClientCountry",
  asn: "asn ClientASN",
  colo: "colo EdgeColoCode",
  "header:user-agent":
    "user_agent http_user_agent userAgent request.headers.User-Agent ClientRequestUserAgent",
  "header:referer": "referer http_referer referrer request.headers.Referer ClientRequestReferer",
};

/** Where all headers and cookies may stand, by their names. */
const HEADER_TABLES = ["RequestHeaders", "request.headers", "headers"];
const COOKIE_TABLES = ["Cookies", "cookies"];

/**
 * Where to look for what is of interest: the given fields, `name=path` each with a dotted path; for others the usual names.
 *
 * @param parts key parts that the configuration reads, as they are written there
 */
export function fieldPaths(given: readonly string[], parts: readonly string[]): FieldPaths {
  const paths = new Map<string, FieldPath[]>();
  for (const field of given) {
    const [name, path] = parseField(field);
    paths.set(name, [...(paths.get(name) ?? []), path]);
  }
  for (const name of new Set([...FACTS, ...parts])) {
    const usual = usualPaths(name);
    if (!paths.has(name) && usual.length > 0) paths.set(name, usual);
  }
  return paths;
}

function parseField(field: string): [name: string, path: FieldPath] {
  const equals = field.indexOf("=");
  const name = field.slice(0, equals).trim();
  const path = field.slice(equals + 1).trim();
  if (equals < 1 || path === "") throw new UsageError(`--field "${field}" is not like "ip=client.address"`);
  if (FACTS.some((fact) => fact === name)) return [name, path.split(".")];
  const part = parseKeyPart(name);
  if (!part.ok)
    throw new UsageError(`--field "${field}": "${name}" is neither ${FACTS.join(", ")} nor a key part`);
  const { kind } = part.value;
  if (["body", "mcp", "query", "param", "global", "ip", "host", "path", "method"].includes(kind))
    throw new UsageError(`--field "${field}": ${kind} cannot be taken from a field of its own`);
  return [partName(part.value), path.split(".")];
}

function usualPaths(name: string): FieldPath[] {
  const usual = (USUAL[name] ?? "").split(" ").filter((one) => one !== "");
  const colon = name.indexOf(":");
  const [kind, argument] = [name.slice(0, colon), name.slice(colon + 1)];
  const tables = kind === "header" ? HEADER_TABLES : kind === "cookie" ? COOKIE_TABLES : [];
  return [
    ...usual.map((path) => path.split(".")),
    ...tables.map((table) => [...table.split("."), argument]),
    // Headers are known under their usual spelling as well.
    ...(kind === "header" ? HEADER_TABLES.map((table) => [...table.split("."), capitalised(argument)]) : []),
  ];
}

const capitalised = (name: string): string => name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
