import { bad, ok, type Result } from "./result.ts";

const EXAMPLE = `write it like "/usage/total_tokens"`;

/** A JSON Pointer (RFC 6901) as its unescaped tokens. */
export type JsonPointer = readonly string[];

/** Reads a pointer, which must lead to something inside the document: the empty one is not allowed. */
export function parsePointer(text: string): Result<JsonPointer> {
  if (text === "") return bad(`is empty; ${EXAMPLE}`);
  if (!text.startsWith("/")) return bad(`"${text}" does not start with "/"; ${EXAMPLE}`);
  if (/~(?![01])/.test(text))
    return bad(`"${text}": "~" must be followed by 0 or 1; write "~0" for "~" and "~1" for "/"`);
  return ok(text.slice(1).split("/").map(unescapeToken));
}

/** `~1` first: `~01` is `~1`, not a slash. */
const unescapeToken = (token: string): string => token.replaceAll("~1", "/").replaceAll("~0", "~");
