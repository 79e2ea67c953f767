import { didYouMean } from "./nearest.ts";
import type { Report } from "./problem.ts";
import { bad, ok, type Result } from "./result.ts";

/** How a field is read. It is undefined when the table does not have it. */
export type Field<T> = (input: unknown) => Result<T>;

export function required<T>(field: Field<T>): Field<T> {
  return (input) => (input === undefined ? bad("is required") : field(input));
}

/** A field that may be left out: then it is `fallback`, read as if it had been written, or undefined. */
export function optional<T>(field: Field<T>, fallback: unknown): Field<T>;
export function optional<T>(field: Field<T>): Field<T | undefined>;
export function optional<T>(field: Field<T>, fallback?: unknown): Field<T | undefined> {
  return (input = fallback) => (input === undefined ? ok(undefined) : field(input));
}

/** Text, read by a parser. */
export function text<T>(parse: (text: string) => Result<T>): Field<T> {
  return (input) => (typeof input === "string" ? parse(input) : bad(`must be text, not ${show(input)}`));
}

/** One of some names. `aliases` are other programs' words for them, used only for the hint. */
export function oneOf<const T extends string>(
  names: readonly T[],
  aliases: Readonly<Record<string, T>> = {},
): Field<T> {
  return (input) => {
    const name = names.find((known) => known === input);
    if (name !== undefined) return ok(name);
    const list = names.map((known) => `"${known}"`).join(", ");
    return bad(`${show(input)} is not one of ${list}${suggestion(input, names, aliases)}`);
  };
}

function suggestion<T extends string>(
  input: unknown,
  names: readonly T[],
  aliases: Readonly<Record<string, T>>,
): string {
  if (typeof input !== "string") return "";
  const hint = didYouMean(input, [...names, ...Object.keys(aliases)]);
  const alias = Object.keys(aliases).find((name) => hint.includes(`"${name}"`));
  return alias === undefined ? hint : `; did you mean "${aliases[alias]}"?`;
}

/** A whole number between two bounds, as a number or as digits. */
export function wholeNumber(least: number, most: number): Field<number> {
  return (input) => {
    const number = typeof input === "string" && /^\s*\d+\s*$/.test(input) ? Number(input) : input;
    const fits =
      typeof number === "number" && Number.isSafeInteger(number) && number >= least && number <= most;
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `between ${least} and ${most}`;
    return fits ? ok(number) : bad(`${show(input)} is not a whole number ${range}`);
  };
}

export const yesOrNo: Field<boolean> = (input) =>
  typeof input === "boolean" ? ok(input) : bad(`${show(input)} is not true or false`);

/** The items of a list, given as a value or as a JSON string. `example` shows how to write it. */
export function parseItems(input: unknown, example: string): Result<unknown[]> {
  const list = typeof input === "string" ? parseJson(input) : ok(input);
  if (!list.ok) return bad(`${list.problem}; write it like ${example}`);
  return Array.isArray(list.value) ? ok(list.value) : bad(`must be a list; write it like ${example}`);
}

/** The value as it would be written, cut when long. Only used on configuration that is not secret. */
export function show(value: unknown): string {
  const written = JSON.stringify(value) ?? String(value);
  return written.length > 80 ? `${written.slice(0, 77)}...` : written;
}

function parseJson(written: string): Result<unknown> {
  try {
    return ok(JSON.parse(written));
  } catch (error) {
    return bad(`is not valid JSON (${error instanceof Error ? error.message : error})`);
  }
}

/** The fields that a table may have. Any other is an error. */
export type Schema = Readonly<Record<string, Field<unknown>>>;

/** What the fields of a table were read as, where they were right. */
export type Fields<S extends Schema> = {
  readonly [K in keyof S]?: S[K] extends Field<infer T> ? T | undefined : never;
};

/** The fields of a table in which everything was right. */
export type Complete<S extends Schema> = { readonly [K in keyof S]: S[K] extends Field<infer T> ? T : never };

/** Checks a table, reports what is wrong and returns the fields that are right. */
export function checkTable<S extends Schema>(
  schema: S,
  input: unknown,
  path: string,
  report: Report,
): Fields<S> {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    report(path, `must be a table, not ${show(input)}`);
    return {};
  }
  const pathOf = (name: string) => (path === "" ? name : `${path}.${name}`);
  const written = new Map<string, unknown>(Object.entries(input));
  const fields: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(schema)) {
    const result = field(written.get(name));
    if (result.ok) fields[name] = result.value;
    else report(pathOf(name), result.problem);
    written.delete(name);
  }
  for (const name of written.keys())
    report(pathOf(name), `unknown field${didYouMean(name, Object.keys(schema))}`);
  return fields as Fields<S>;
}
