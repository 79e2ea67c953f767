import leven from "leven";

/**
 * The known name that `name` is probably a misspelling of, if any: at most `most` letters apart.
 * Case, `_`, `-` and spaces do not count.
 */
export function nearest(name: string, known: Iterable<string>, most: number): string | undefined {
  let best: string | undefined;
  let bestDistance = most + 1;
  for (const candidate of known) {
    const distance = leven(plain(name), plain(candidate));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** `; did you mean "x"?`, or nothing when no known name is near. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const found = nearest(name, known, name.length < 4 ? 1 : 2);
  return found === undefined ? "" : `; did you mean "${found}"?`;
}

const plain = (name: string): string => name.toLowerCase().replace(/[_\-\s]/g, "");
