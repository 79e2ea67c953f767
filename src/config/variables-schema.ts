import {
  type ClientIpSource,
  HEADER_FAMILIES,
  type HeaderFamily,
  JURISDICTIONS,
  MODES,
  type Origin,
  OUTAGE_STEPS,
  STORES,
} from "./config.ts";
import { DEFAULTS } from "./defaults.ts";
import { oneOf, optional, show, text, wholeNumber } from "./fields.ts";
import { didYouMean } from "./nearest.ts";
import { parseDuration } from "./rate.ts";
import { all, bad, ok, type Result } from "./result.ts";

/** The lists, each with an example. They may go on in a variable of the same name with `_2`, `_3`, ... */
export const LISTS = {
  POLICIES: `[{"name": "per-ip", "limit": "60/minute"}]`,
  EXEMPT: `["GET /health"]`,
  ALLOW: `["192.0.2.7", "10.0.0.0/8"]`,
  DENY: `["192.0.2.7", "10.0.0.0/8"]`,
} as const;

/** Every other variable. */
export const variablesSchema = {
  ORIGIN: optional(text(parseOrigin)),
  ORIGIN_SERVICE: optional(parseService),
  STORE: optional(oneOf(STORES, { redis: "upstash", memory: "local" }), DEFAULTS.STORE),
  NAMESPACE: optional(text(parseNamespace), DEFAULTS.NAMESPACE),
  JURISDICTION: optional(oneOf(JURISDICTIONS)),
  MODE: optional(oneOf(MODES), DEFAULTS.MODE),
  CLIENT_IP: optional(text(parseClientIp), DEFAULTS.CLIENT_IP),
  IPV6_PREFIX: optional(wholeNumber(1, 128), DEFAULTS.IPV6_PREFIX),
  HEADERS: optional(text(parseHeaders), DEFAULTS.HEADERS),
  RETRY_JITTER: optional(oneOf(["on", "off"]), DEFAULTS.RETRY_JITTER),
  KEY_SECRET: optional(parseSecret),
  UPSTASH_REDIS_REST_URL: optional(text(parseHttpUrl)),
  UPSTASH_REDIS_REST_TOKEN: optional(parseToken),
  ON_STORE_ERROR: optional(oneOf(OUTAGE_STEPS), DEFAULTS.ON_STORE_ERROR),
  STORE_TIMEOUT: optional(text(parseTimeout), DEFAULTS.STORE_TIMEOUT),
  JWT_SECRET: optional(parseSecret),
  JWKS_URL: optional(text(parseKeySetUrl)),
  JWT_ISSUER: optional(parseText),
  JWT_AUDIENCE: optional(parseText),
  ADMIN_TOKEN: optional(parseAdminToken),
  SLOT_RENEW: optional(text(parseSlotTime), DEFAULTS.SLOT_RENEW),
  SLOT_EXPIRY: optional(text(parseSlotTime), DEFAULTS.SLOT_EXPIRY),
};

/** The names of all variables, without numbered ones and `LIMIT_<NAME>`. */
export const VARIABLES: readonly string[] = [...Object.keys(LISTS), ...Object.keys(variablesSchema)];

function parseOrigin(written: string): Result<Origin> {
  const url = parseHttpUrl(written);
  return url.ok ? ok({ kind: "url", url: url.value }) : url;
}

/** An http or https URL without a slash at the end. */
function parseHttpUrl(written: string): Result<string> {
  const url = parseUrl(written);
  if (!url.ok) return url;
  if (url.value.search || url.value.hash)
    return bad("must end with the path: a query or fragment is not kept");
  return ok(url.value.href.replace(/\/+$/, ""));
}

function parseKeySetUrl(written: string): Result<string> {
  const url = parseUrl(written);
  return url.ok ? ok(url.value.href) : url;
}

/** Never repeats the value: it may hold a password or token. */
function parseUrl(written: string): Result<URL> {
  const url = URL.canParse(written) ? new URL(written) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    return bad(`is not an http or https URL, like "https://example.com"`);
  if (url.username || url.password) return bad("must not hold a user name or password");
  return ok(url);
}

/** Requests are never held longer than this for a store. */
function parseTimeout(written: string): Result<number> {
  const timeoutMs = parseDuration(written);
  if (!timeoutMs.ok || timeoutMs.value <= 30_000) return timeoutMs;
  return bad(`${show(written)} is longer than 30 seconds`);
}

function parseSlotTime(written: string): Result<number> {
  const timeMs = parseDuration(written);
  if (!timeMs.ok || timeMs.value <= 86_400_000) return timeMs;
  return bad(`${show(written)} is longer than a day`);
}

function parseService(binding: unknown): Result<Origin> {
  const isService = typeof binding === "object" && binding !== null && "fetch" in binding;
  return isService
    ? ok({ kind: "service" })
    : bad("must be a service binding to another Worker, not a variable");
}

function parseNamespace(name: string): Result<string> {
  if (/^[A-Za-z0-9._-]{1,64}$/.test(name)) return ok(name);
  return bad(`${show(name)} may only have letters, digits, ".", "_" and "-", at most 64`);
}

function parseClientIp(written: string): Result<ClientIpSource> {
  const [, name = "", index] = /^\s*([\w!#$%&'*.^`~-]+)\s*(?::\s*(\S*?)\s*)?$/.exec(written) ?? [];
  const header = name.toLowerCase();
  if (header === "") return bad(`${show(written)} is not a header name or "x-forwarded-for:1"`);
  if (index === undefined && header !== "x-forwarded-for") return ok({ kind: "header", name: header });
  if (header !== "x-forwarded-for") return bad(`only x-forwarded-for takes a position; write "${header}"`);
  if (!/^[1-9]\d?$/.test(index ?? ""))
    return bad(`needs the position from the right, as in "x-forwarded-for:1" (1 = last)`);
  return ok({ kind: "forwarded", fromRight: Number(index) });
}

function parseHeaders(written: string): Result<ReadonlySet<HeaderFamily>> {
  const names = written
    .toLowerCase()
    .split(",")
    .map((name) => name.trim());
  if (names.length === 1 && names[0] === "none") return ok(new Set());
  const families = all(
    names.map((name) => {
      const family = HEADER_FAMILIES.find((known) => known === name);
      return family
        ? ok(family)
        : bad(
            `"${name}" is not a header family; use "ratelimit", "x-ratelimit" or "none"${didYouMean(name, HEADER_FAMILIES)}`,
          );
    }),
  );
  return families.ok ? ok(new Set(families.value)) : families;
}

/** Goes into a header. Never repeats the value: problems are printed. */
function parseToken(token: unknown): Result<string> {
  if (typeof token === "string" && /^[!-~]+$/.test(token)) return ok(token);
  return bad("must be text without white space, as it stands on your database's page");
}

/** Long enough that nobody guesses it, and fit for a header. Never repeats the value: problems are printed. */
function parseAdminToken(token: unknown): Result<string> {
  if (typeof token === "string" && /^[!-~]{32,}$/.test(token)) return ok(token);
  return bad("must be at least 32 characters without white space; `openssl rand -hex 32` makes one");
}

function parseText(input: unknown): Result<string> {
  return typeof input === "string" ? ok(input) : bad(`must be text, not ${show(input)}`);
}

/** Never repeats the value: problems are printed. */
function parseSecret(secret: unknown): Result<string> {
  return typeof secret === "string" ? ok(secret) : bad("must be text");
}
