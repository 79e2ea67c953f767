/** What is wrong with a configuration: where, and what would be right. */
export interface Problem {
  /** As in `POLICIES[1].algorithm`. */
  readonly path: string;
  readonly message: string;
}

export type Report = (path: string, message: string) => void;

/** A list of problems, and what adds to it. */
export function collectProblems(): { readonly problems: Problem[]; readonly report: Report } {
  const problems: Problem[] = [];
  return { problems, report: (path, message) => problems.push({ path, message }) };
}
