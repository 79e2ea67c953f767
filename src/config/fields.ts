import * as v from "valibot";
import { didYouMean } from "./nearest.ts";
import type { Report } from "./problem.ts";
import { bad, ok, type Result } from "./result.ts";

/** A schema out of a parser. */
export function parsed<T>(parse: (input: unknown) => Result<T>) {
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, T>(({ dataset, addIssue, NEVER }) => {
      const result = parse(dataset.value);
      if (result.ok) return result.value;
      addIssue({ message: result.problem });
      return NEVER;
    }),
  );
}

/** Text, read by a parser. */
export function text<T>(parse: (text: string) => Result<T>) {
  return parsed((input) =>
    typeof input === "string" ? parse(input) : bad(`must be text, not ${show(input)}`),
  );
}

/** One of some names. `aliases` are other programs' words for them, used only for the hint. */
export function oneOf<T extends string>(names: readonly T[], aliases: Readonly<Record<string, T>> = {}) {
  return parsed<T>((input) => {
    const name = names.find((known) => known === input);
    if (name !== undefined) return ok(name);
    const list = names.map((known) => `"${known}"`).join(", ");
    return bad(`${show(input)} is not one of ${list}${suggestion(input, names, aliases)}`);
  });
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
export function wholeNumber(least: number, most: number) {
  return parsed<number>((input) => {
    const number = typeof input === "string" && /^\s*\d+\s*$/.test(input) ? Number(input) : input;
    const fits =
      typeof number === "number" && Number.isSafeInteger(number) && number >= least && number <= most;
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `between ${least} and ${most}`;
    return fits ? ok(number) : bad(`${show(input)} is not a whole number ${range}`);
  });
}

export const yesOrNo = parsed<boolean>((input) =>
  typeof input === "boolean" ? ok(input) : bad(`${show(input)} is not true or false`),
);

/** The items of a list, given as a value or as a JSON string. `example` shows how to write it. */
export function parseItems(input: unknown, example: string): Result<unknown[]> {
  const list = typeof input === "string" ? parseJson(input) : ok(input);
  if (!list.ok) return bad(`${list.problem}; write it like ${example}`);
  return Array.isArray(list.value) ? ok(list.value) : bad(`must be a list; write it like ${example}`);
}

/** Something that a later release brings: only what it does without is accepted. */
export function later(what: string, ...without: unknown[]) {
  return parsed<undefined>((input) =>
    without.includes(input) ? ok(undefined) : bad(`${what} is not supported yet; remove it`),
  );
}

/** A table that knows its fields: any other is an error. */
export function table<E extends v.ObjectEntries>(entries: E) {
  return v.objectWithRest(entries, v.never(), (issue) =>
    issue.expected === "Object" ? `must be a table, not ${show(issue.input)}` : "is required",
  );
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

/** What the fields of a table were read as, where they were right. */
export type Fields<E extends v.ObjectEntries> = { readonly [K in keyof E]?: v.InferOutput<E[K]> | undefined };

/** Checks a table, reports what is wrong and returns the fields that are right. */
export function checkTable<E extends v.ObjectEntries, R extends v.GenericSchema>(
  schema: v.ObjectWithRestSchema<E, R, v.ErrorMessage<v.ObjectWithRestIssue>>,
  input: unknown,
  path: string,
  report: Report,
): Fields<E> {
  const { issues = [], output } = v.safeParse(schema, input);
  const wrong = new Set<string | undefined>();
  for (const issue of issues) {
    const field = issue.path?.[0]?.key as string | undefined;
    wrong.add(field);
    const isUnknown = field !== undefined && !Object.hasOwn(schema.entries, field);
    const hint = isUnknown ? `unknown field${didYouMean(field, Object.keys(schema.entries))}` : issue.message;
    report([path, field].filter(Boolean).join("."), hint);
  }
  if (wrong.has(undefined)) return {};
  const fields = Object.entries(output as Record<string, unknown>).filter(([field]) => !wrong.has(field));
  return Object.fromEntries(fields) as Fields<E>;
}
