import { show } from "./fields.ts";
import { type JsonPointer, parsePointer } from "./json-pointer.ts";
import { isFieldName } from "./key-expression.ts";
import { didYouMean } from "./nearest.ts";
import { bad, ok, type Result } from "./result.ts";

/** What a request costs. Where the response says it, an estimate is reserved first. */
export type Cost =
  | { readonly kind: "fixed"; readonly units: number }
  /** The length of a message's payload. */
  | { readonly kind: "bytes" }
  | { readonly kind: "header" | "response-header"; readonly name: string }
  | { readonly kind: "response-json"; readonly pointer: JsonPointer };

const SOURCES = ["header", "response-header", "response-json"] as const;
const EXAMPLE = `write a whole number, "header:NAME", "response-header:NAME" or "response-json:/pointer"`;

/** A whole number, or where to read one: `header:x-cost`, `response-json:/usage/total_tokens`. */
export function parseCost(input: unknown): Result<Cost> {
  if (typeof input === "string" && !/^\s*-?\d/.test(input)) return parseSource(input.trim());
  const units = typeof input === "string" && /^\s*\d+\s*$/.test(input) ? Number(input) : input;
  const fits = typeof units === "number" && Number.isSafeInteger(units) && units >= 1;
  return fits ? ok({ kind: "fixed", units }) : bad(`${show(input)} is not a whole number of at least 1`);
}

function parseSource(text: string): Result<Cost> {
  if (text.toLowerCase() === "bytes") return ok({ kind: "bytes" });
  const colon = text.indexOf(":");
  const source = (colon < 0 ? text : text.slice(0, colon)).trim().toLowerCase();
  const argument = colon < 0 ? "" : text.slice(colon + 1).trim();
  const kind = SOURCES.find((known) => known === source);
  if (!kind) return bad(`${show(text)} is not a cost; ${EXAMPLE}${didYouMean(source, SOURCES)}`);
  if (kind === "response-json") {
    const pointer = parsePointer(argument);
    return pointer.ok ? ok({ kind, pointer: pointer.value }) : bad(`${kind}: ${pointer.problem}`);
  }
  if (!isFieldName(argument)) return bad(`${show(text)} needs the name of a header, as in "${kind}:x-cost"`);
  return ok({ kind, name: argument.toLowerCase() });
}
