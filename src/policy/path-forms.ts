const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/**
 * The forms of a path that policies are matched against: percent-decoded once, slashes merged, in lower
 * case, without a trailing slash. When that brought up a backslash or dot segment (`/a/..%2fb`), the
 * path an origin may make of it is a second form: whichever the origin serves, its policies apply.
 */
export function pathForms(path: string): readonly string[] {
  const plain = plainForm(path);
  if (!/\\|\/\.\.?(\/|$)/.test(plain)) return [plain];
  return [plain, plainForm(withoutDotSegments(plain.replaceAll("\\", "/")))];
}

/** A pattern's path in the form that `pathForms` gives. Constraints ignore case; names keep theirs. */
export function lenientPattern(path: string): string {
  const segments = path.split("/").map((segment) => {
    if (!segment.startsWith(":"))
      return segment.includes("%") ? percentDecode(segment).toLowerCase() : segment.toLowerCase();
    return segment.replace(/\{(.+)\}/, "{(?i:$1)}");
  });
  return mergeSlashes(segments.join("/"));
}

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
