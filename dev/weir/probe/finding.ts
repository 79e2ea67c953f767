/** What a check found. */
export interface Finding {
  readonly check: string;
  readonly outcome: "ok" | "failed" | "skipped";
  readonly detail: string;
}

export const passed = (check: string, detail: string): Finding => ({ check, outcome: "ok", detail });
export const failed = (check: string, detail: string): Finding => ({ check, outcome: "failed", detail });
export const skipped = (check: string, detail: string): Finding => ({ check, outcome: "skipped", detail });

/** A finding out of what is wrong: fine when nothing is. */
export const verdict = (check: string, problems: readonly string[], fine: string): Finding =>
  problems.length > 0 ? failed(check, problems.join("; ")) : passed(check, fine);
