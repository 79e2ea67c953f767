import type { Metrics } from "../metrics/metrics.ts";
import type { AdminOperation } from "../metrics/series.ts";

/** What an operator did to a key. */
export interface Change {
  readonly operation: AdminOperation;
  readonly policy: string;
  /** Of the key. */
  readonly digest: string;
  /** The limits that it has now. */
  readonly limit?: string;
  /** ISO 8601. */
  readonly until?: string;
  /** Present only when the store did not answer. */
  readonly outcome?: "unknown";
}

/** What operators changed: a line of the log for each change, none left out, and a count. No key values. */
export type Audit = (change: Change) => void;

export function createAudit(count: Metrics["count"], write: (line: string) => void = console.log): Audit {
  return (change) => {
    count(`admin_changes ${change.policy} ${change.operation}`);
    write(JSON.stringify({ source: "weir", event: "admin", ...change }));
  };
}
