import { buildPolicies } from "./build-policies.ts";
import type { Config } from "./config.ts";
import { DEFAULTS } from "./defaults.ts";
import { type Complete, checkTable, type Fields, parseItems } from "./fields.ts";
import type { PolicyEntry } from "./limit-overrides.ts";
import { nearest } from "./nearest.ts";
import { parseNetwork } from "./network.ts";
import { parsePattern } from "./pattern.ts";
import { policySchema } from "./policy-schema.ts";
import { collectProblems, type Problem, type Report } from "./problem.ts";
import type { Result } from "./result.ts";
import { bad } from "./result.ts";
import { LISTS, VARIABLES, variablesSchema } from "./variables-schema.ts";

export type ParsedConfig =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly Problem[] };

type Env = Readonly<Record<string, unknown>>;
type ListName = keyof typeof LISTS;
type Variables = Fields<typeof variablesSchema>;

/** The Worker's environment as a configuration, or everything that is wrong with it. */
export function parseConfig(env: Env): ParsedConfig {
  const { problems, report } = collectProblems();
  // A variable that was emptied is one that is not set.
  const set = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== "" && value !== undefined),
  );
  reportLookalikes(Object.keys(set), report);
  const known = Object.keys(variablesSchema).filter((name) => name in set);
  const written = Object.fromEntries(known.map((name) => [name, set[name]]));
  const variables = checkTable(variablesSchema, written, "", report);
  const parts = readParts(variables, set, known, report);
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, config: { ...parts, ...settings(variables as Complete<typeof variablesSchema>) } };
}

/** What is made of several variables. Works on those that were right, so that all problems come up at once. */
function readParts(variables: Variables, set: Env, known: readonly string[], report: Report) {
  const { STORE, SLOT_RENEW, SLOT_EXPIRY } = variables;
  if (SLOT_RENEW && SLOT_EXPIRY && SLOT_EXPIRY < 3 * SLOT_RENEW)
    report(
      "SLOT_EXPIRY",
      "must be at least three times SLOT_RENEW, else one renewal that fails loses the slot",
    );
  const lists = {
    exempt: readTexts("EXEMPT", set, parsePattern, report),
    allow: readTexts("ALLOW", set, parseNetwork, report),
    deny: readTexts("DENY", set, parseNetwork, report),
  };
  const inherited = {
    mode: variables.MODE ?? DEFAULTS.MODE,
    onError: variables.ON_STORE_ERROR ?? DEFAULTS.ON_STORE_ERROR,
    verifiesTokens: known.includes("JWT_SECRET") || known.includes("JWKS_URL"),
    slotExpiryMs: SLOT_EXPIRY ?? 1,
  };
  return {
    ...lists,
    policies: buildPolicies(readPolicies(set, report), limitOverrides(set), inherited, report),
    upstash: STORE === "upstash" ? readUpstash(variables, known, report) : undefined,
    tokens: readTokens(variables, known, report),
  };
}

/** What is in the configuration as it is in one variable. */
function settings(variables: Complete<typeof variablesSchema>) {
  return {
    origin: variables.ORIGIN_SERVICE ?? variables.ORIGIN ?? { kind: "as-is" as const },
    store: variables.STORE,
    namespace: variables.NAMESPACE,
    jurisdiction: variables.JURISDICTION,
    clientIp: variables.CLIENT_IP,
    ipv6Prefix: variables.IPV6_PREFIX,
    headers: variables.HEADERS,
    retryJitter: variables.RETRY_JITTER === "on",
    keySecret: variables.KEY_SECRET,
    storeTimeoutMs: variables.STORE_TIMEOUT,
    slotRenewMs: variables.SLOT_RENEW,
    slotExpiryMs: variables.SLOT_EXPIRY,
    onError: variables.ON_STORE_ERROR,
    adminToken: variables.ADMIN_TOKEN,
  };
}

const UPSTASH_VARIABLES = ["UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"] as const;

function readUpstash(variables: Variables, set: readonly string[], report: Report): Config["upstash"] {
  for (const name of UPSTASH_VARIABLES) {
    if (!set.includes(name))
      report(name, `is required with STORE = "upstash"; copy it from your database's page`);
  }
  const [url, token] = UPSTASH_VARIABLES.map((name) => variables[name]);
  return url === undefined || token === undefined ? undefined : { url, token };
}

function readTokens(variables: Variables, set: readonly string[], report: Report): Config["tokens"] {
  if (set.includes("JWT_SECRET") && set.includes("JWKS_URL"))
    report("JWKS_URL", "cannot be set together with JWT_SECRET: tokens are verified with one of them");
  const { JWT_SECRET, JWKS_URL, JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = variables;
  const unused = (["JWT_ISSUER", "JWT_AUDIENCE"] as const).filter((name) => set.includes(name));
  if (!set.includes("JWT_SECRET") && !set.includes("JWKS_URL"))
    for (const name of unused) report(name, "is only used together with JWT_SECRET or JWKS_URL");
  if (JWT_SECRET !== undefined) return { keys: { kind: "secret", secret: JWT_SECRET }, issuer, audience };
  return JWKS_URL === undefined ? undefined : { keys: { kind: "key-set", url: JWKS_URL }, issuer, audience };
}

function readPolicies(env: Env, report: Report): PolicyEntry[] {
  const written = numbered("POLICIES", env).length > 0 ? env : { POLICIES: DEFAULTS.POLICIES };
  return readItems("POLICIES", written, report).map(({ path, item }) => ({
    path,
    policy: checkTable(policySchema, item, path, report),
  }));
}

function readTexts<T>(name: ListName, env: Env, parse: (text: string) => Result<T>, report: Report): T[] {
  return readItems(name, env, report).flatMap(({ path, item }) => {
    const result = typeof item === "string" ? parse(item) : bad("must be text");
    if (result.ok) return [result.value];
    report(path, result.problem);
    return [];
  });
}

/** The items of a list variable and its continuations, each with its path: `POLICIES[0]`, `POLICIES_2[3]`. */
export function readItems(name: ListName, env: Env, report: Report): { path: string; item: unknown }[] {
  return numbered(name, env).flatMap((variable) => {
    const items = parseItems(env[variable], LISTS[name]);
    if (items.ok) return items.value.map((item, i) => ({ path: `${variable}[${i}]`, item }));
    report(variable, items.problem);
    return [];
  });
}

/** The variables that make up a list, in order: `DENY`, `DENY_2`, `DENY_3`. */
function numbered(name: ListName, env: Env): string[] {
  const order = (variable: string) => Number(variable.slice(name.length + 1) || 1);
  return Object.keys(env)
    .filter((variable) => variable === name || (variable.startsWith(`${name}_`) && isNumbered(variable)))
    .sort((a, b) => order(a) - order(b));
}

const isNumbered = (variable: string): boolean => /_([2-9]|[1-9]\d+)$/.test(variable);

function limitOverrides(env: Env): Map<string, unknown> {
  return new Map(Object.entries(env).filter(([variable]) => variable.startsWith("LIMIT_")));
}

/** Misspellings of names that no list can spell out. */
const FAMILIES = [
  { pattern: /^limits?[_-]/i, meant: "LIMIT_<NAME>" },
  { pattern: /^(POLICIES|EXEMPT|ALLOW|DENY)[_-]?\d+$/i, meant: "POLICIES_2" },
];

function reportLookalikes(variables: readonly string[], report: Report): void {
  for (const variable of variables) {
    const base = isNumbered(variable) ? variable.replace(/_\d+$/, "") : variable;
    const isKnown = VARIABLES.includes(variable) || base in LISTS || variable.startsWith("LIMIT_");
    const family = isKnown ? undefined : FAMILIES.find(({ pattern }) => pattern.test(variable));
    if (family) report(variable, `is not a variable of Weir; did you mean "${family.meant}"?`);
    // Stricter than a hint for a value would be: other people's bindings may have similar names.
    const meant = isKnown || family ? undefined : nearest(base, VARIABLES, Math.floor(base.length / 4));
    if (meant) report(variable, `is not a variable of Weir; did you mean "${meant}"?`);
  }
}
