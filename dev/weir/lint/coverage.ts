import type { Pattern } from "../../../src/config/pattern.ts";

/** Whether every request that one of `others` matches is matched by one of `patterns` as well. Never true when unsure. */
export const coverAll = (patterns: readonly Pattern[], others: readonly Pattern[]): boolean =>
  others.every((other) => patterns.some((pattern) => covers(pattern, other)));

function covers(pattern: Pattern, other: Pattern): boolean {
  const sameHost = pattern.host === undefined || pattern.host === other.host;
  return (
    sameHost &&
    coversMethods(pattern.methods, other.methods) &&
    readings(other).every((path) => readings(pattern).some((by) => coversPath(by, path)))
  );
}

/** A pattern without methods leaves CORS preflights out, and GET includes HEAD. */
function coversMethods(methods: Pattern["methods"], others: Pattern["methods"]): boolean {
  if (methods === undefined) return !others?.includes("OPTIONS");
  if (others === undefined) return false;
  return others.every((other) => methods.includes(other) || (other === "HEAD" && methods.includes("GET")));
}

/** A segment at the end that may be missing makes two paths of one: /a/:b? is /a and /a/:b. */
function readings(pattern: Pattern): string[][] {
  const path = segments(pattern);
  const last = path.at(-1) ?? "";
  return last.endsWith("?") ? [path.slice(0, -1), [...path.slice(0, -1), last.slice(0, -1)]] : [path];
}

/** Letter case and a slash at the end mean nothing to policies. */
const segments = ({ path }: Pattern): string[] =>
  path
    .replace(/\/{2,}/g, "/")
    .replace(/(?<=.)\/$/, "")
    .split("/")
    .slice(1)
    .map(lowerLiteral);

const lowerLiteral = (segment: string): string => (segment.startsWith(":") ? segment : segment.toLowerCase());

function coversPath(path: readonly string[], other: readonly string[]): boolean {
  if (path.join("/") === other.join("/")) return true;
  for (const [i, segment] of path.entries()) {
    const next = other[i];
    const isOpen = next === undefined || isOpenEnded(next, i === other.length - 1);
    // At the end, behind a name, it stands for nothing as well: /api/* is also /api.
    if (segment === "*" && i === path.length - 1) return !isOpen || !/^[:*]/.test(path[i - 1] ?? "");
    if (isOpen || (segment !== next && !isAny(segment, next))) return false;
  }
  return path.length === other.length;
}

/** May stand for more or for less than one segment. */
const isOpenEnded = (segment: string, isLast: boolean): boolean =>
  (segment === "*" && isLast) || segment.endsWith("?") || segment.includes("{");

/** Whether it stands for any one segment, as this is one. */
const isAny = (segment: string, next: string): boolean =>
  next !== "" && (segment === "*" || /^:[^{}?]+$/.test(segment));
