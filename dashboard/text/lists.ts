const MOST = 5;

/** `a, b, c`; of a long list the first, and how many more there are. */
export function enumerated(names: readonly string[]): string {
  const rest = names.length - MOST;
  return rest > 0 ? `${names.slice(0, MOST).join(", ")} and ${rest} more` : names.join(", ");
}
