const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/**
 * The forms of a path that policies are matched against: percent-decoded once, slashes merged, in lower
 * case, without a trailing slash. When that brought up a backslash or dot segment (`/a/..%2fb`), the
 * paths an origin may make of it are further forms: whichever the origin serves, its policies apply.
 */
export function pathForms(path: string): readonly string[] {
  const plain = plainForm(path);
  if (!/\\|\/\.\.?(\/|$)/.test(plain)) return [plain];
  const slashed = mergeSlashes(plain.replaceAll("\\", "/"));
  return [...new Set([plain, ...[plain, slashed].map((form) => mergeSlashes(withoutDotSegments(form)))])];
}

/** A pattern's path in the form that `pathForms` gives. Constraints ignore case; names keep theirs. */
export function lenientPattern(path: string): string {
  const parts = path.match(/\{[^}]+\}|[^{]+/g) ?? [];
  const lenient = parts.map((part) => {
    if (part.startsWith("{")) return `{(?i:${part.slice(1, -1)})}`;
    return part.split("/").map(lenientSegment).join("/");
  });
  return protectedConstraints(escapedLiterals(mergeSlashes(lenient.join(""))));
}

/**
 * While it splits a path, the router puts `@` with a number in the place of each constraint, and then uses
 * the constraint as a replacement text, in which `$$` stands for `$`.
 */
function protectedConstraints(path: string): string {
  return path.replace(/\{[^}]+\}/g, (constraint) =>
    constraint.replaceAll("@", "\\x40").split("$").join("$$"),
  );
}

function lenientSegment(segment: string): string {
  return segment.startsWith(":") ? segment : percentDecode(segment).toLowerCase();
}

/**
 * The router puts a segment that follows a constraint into a regular expression as it is, and takes `@` with a number for
 * a mark of its own. A segment that would mean something else so becomes a constraint, of a name that nobody can write.
 */
function escapedLiterals(path: string): string {
  const segments = path.match(/\/|:[^/{]*\{[^}]+\}|[^/]+/g) ?? [];
  let follows = false;
  const escaped = segments.map((segment) => {
    if (segment === "/") return segment;
    const isConstraint = segment.startsWith(":") && segment.endsWith("}");
    const isMisread = /@\d/.test(segment) || (follows && SPECIAL.test(segment));
    const isEscaped = isMisread && !segment.startsWith(":");
    follows = isConstraint || isEscaped;
    return isEscaped ? `: {${segment.replace(SPECIALS, "\\$&")}}` : segment;
  });
  return escaped.join("");
}

const SPECIAL = /[.+?^$()|[\]\\]/;
const SPECIALS = new RegExp(SPECIAL, "g");

const plainForm = (path: string): string => mergeSlashes(percentDecode(path).toLowerCase());

function mergeSlashes(path: string): string {
  return path.replace(/\/{2,}/g, "/").replace(/(?<=.)\/$/, "");
}

/** Decodes every sequence; bytes that are not UTF-8 become U+FFFD, so that they cannot hide their neighbours. */
function percentDecode(path: string): string {
  return path.replace(/(%[0-9a-f]{2})+/gi, (run) =>
    decoder.decode(Uint8Array.from(run.slice(1).split("%"), (hex) => Number.parseInt(hex, 16))),
  );
}

function withoutDotSegments(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
  }
  return kept[0] === "" ? kept.join("/") : `/${kept.join("/")}`;
}
