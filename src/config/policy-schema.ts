import * as v from "valibot";
import { ALGORITHMS, type Algorithm } from "../limit/quota.ts";
import { MODES, OUTAGE_STEPS, SUBJECTS } from "./config.ts";
import { parseCost } from "./cost.ts";
import { POLICY_DEFAULTS } from "./defaults.ts";
import { type Fields, oneOf, parsed, show, table, text, wholeNumber, yesOrNo } from "./fields.ts";
import { type KeyPart, parseKeyExpression, parseKeyPart } from "./key-expression.ts";
import { parseLockout } from "./lockout.ts";
import { type Pattern, parsePattern } from "./pattern.ts";
import { parseRates, type Rate } from "./rate.ts";
import { all, bad, ok, type Result } from "./result.ts";
import { parseStatuses } from "./statuses.ts";

/** The limit as written: rates, or a table of them. `rest` is the row `*`; no rates: unlimited. */
export type WrittenLimit =
  | { readonly kind: "fixed"; readonly rates: readonly Rate[] }
  | {
      readonly kind: "table";
      readonly by: KeyPart;
      readonly rows: ReadonlyMap<string, readonly Rate[]>;
      readonly rest: readonly Rate[];
      /** The row with the smallest limit per time; of equal ones the first. */
      readonly strictest: readonly Rate[];
    };

const ALGORITHM_ALIASES: Record<string, Algorithm> = {
  "sliding-log": "sliding-window",
  "leaky-bucket": "token-bucket",
  gcra: "token-bucket",
};
const TABLE_EXAMPLE = `{ by = "header:x-plan", free = "60/minute", "*" = "10/minute" }`;

/** A policy as it is written, field by field. What its fields mean together is checked by `checkPolicy`. */
export const policySchema = table({
  name: text(parseName),
  match: v.optional(parsed(parseMatch), POLICY_DEFAULTS.match),
  key: v.optional(text(parseKeyExpression), POLICY_DEFAULTS.key),
  on: v.optional(oneOf(SUBJECTS), POLICY_DEFAULTS.on),
  limit: parsed(parseLimit),
  algorithm: v.optional(oneOf(ALGORITHMS, ALGORITHM_ALIASES), POLICY_DEFAULTS.algorithm),
  burst: v.optional(wholeNumber(1, Number.MAX_SAFE_INTEGER)),
  cost: v.optional(parsed(parseCost), POLICY_DEFAULTS.cost),
  estimate: v.optional(wholeNumber(1, Number.MAX_SAFE_INTEGER)),
  count: v.optional(parsed(parseStatuses), POLICY_DEFAULTS.count),
  lockout: v.optional(text(parseLockout)),
  strikes: v.optional(wholeNumber(1, 1_000_000)),
  mode: v.optional(oneOf(MODES), POLICY_DEFAULTS.mode),
  durable: v.optional(yesOrNo, POLICY_DEFAULTS.durable),
  on_store_error: v.optional(oneOf(OUTAGE_STEPS)),
  lease: v.optional(yesOrNo, POLICY_DEFAULTS.lease),
});

/** The fields of a policy that were right. */
export type WrittenPolicy = Fields<(typeof policySchema)["entries"]>;

function parseName(name: string): Result<string> {
  return /^[a-z0-9-]+$/.test(name) ? ok(name) : bad(`${show(name)} may only have a-z, 0-9 and "-"`);
}

function parseMatch(input: unknown): Result<Pattern[]> {
  const patterns = Array.isArray(input) ? input : [input];
  if (patterns.length === 0)
    return bad("is an empty list and would match nothing; remove it to match every request");
  return all(
    patterns.map((pattern) =>
      typeof pattern === "string"
        ? parsePattern(pattern)
        : bad(`must be text or a list of texts, not ${show(pattern)}`),
    ),
  );
}

function parseLimit(input: unknown): Result<WrittenLimit> {
  if (typeof input === "string") {
    if (isUnlimited(input))
      return bad(`"unlimited" can only stand in a table; remove the policy, or write a rate`);
    const rates = parseRates(input);
    return rates.ok ? ok({ kind: "fixed", rates: rates.value }) : rates;
  }
  if (typeof input !== "object" || input === null || Array.isArray(input))
    return bad(`must be text or a table like ${TABLE_EXAMPLE}, not ${show(input)}`);
  return parseTable(input as Record<string, unknown>);
}

function parseTable({ by, ...written }: Record<string, unknown>): Result<WrittenLimit> {
  if (typeof by !== "string") return bad(`is a table without "by"; write it like ${TABLE_EXAMPLE}`);
  const part = parseKeyPart(by);
  if (!part.ok) return bad(`by: ${part.problem}`);
  const rows = new Map<string, readonly Rate[]>();
  for (const [name, limit] of Object.entries(written)) {
    const row = name.trim().toLowerCase();
    if (row === "") return bad(`has a row without a name; "*" is the row for what is absent`);
    if (rows.has(row))
      return bad(`has two rows named "${row}" (names are compared trimmed and in lower case)`);
    if (typeof limit !== "string") return bad(`row "${name}" must be text, not ${show(limit)}`);
    const rates = isUnlimited(limit) ? ok([]) : parseRates(limit);
    if (!rates.ok) return bad(`row "${name}": ${rates.problem}`);
    rows.set(row, rates.value);
  }
  if (rows.size === 0) return bad(`is a table without rows; write it like ${TABLE_EXAMPLE}`);
  const strictest = strictestOf([...rows.values()]);
  const rest = rows.get("*") ?? [];
  rows.delete("*");
  return ok({ kind: "table", by: part.value, rows, rest, strictest });
}

function strictestOf(rows: readonly (readonly Rate[])[]): readonly Rate[] {
  const perMs = (rates: readonly Rate[]) =>
    Math.min(...rates.map(({ limit, windowMs }) => (windowMs === undefined ? Infinity : limit / windowMs)));
  return rows.toSorted((one, other) => perMs(one) - perMs(other) || 0)[0] ?? [];
}

const isUnlimited = (limit: string): boolean => limit.trim().toLowerCase() === "unlimited";
