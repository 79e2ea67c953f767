import { idealAllowed } from "./ideal.ts";
import type { Line } from "./paced-run.ts";
import { table } from "./table.ts";

const HEADING = ["store", "algorithm", "sent", "allowed", "refused", "blocked", "ideal", "difference"];

const EXPLANATION = `blocked: share of the requests sent that were not allowed.
ideal: what a single perfect counter of that algorithm would block of requests sent at the same instants: 50 % with
a sliding window, 25 % with a token bucket (it begins with a full one), 25 to 50 % with a fixed window, by its phase.
difference: in percentage points; one request more or less is LEAST of them.`;

/** The table of the paced run, and every answer that no store decided. */
export function instancesReport(lines: readonly Line[]): string {
  const least = Math.min(...lines.map(({ sentMs }) => 100 / sentMs.length)).toFixed(1);
  return [
    table([HEADING, ...lines.map(row)], 2),
    "",
    EXPLANATION.replace("LEAST", least),
    ...lines.flatMap(undecided),
  ].join("\n");
}

function row({ store, quota, sentMs, answers }: Line): string[] {
  const sent = sentMs.length;
  const allowed = answers.get("allowed") ?? 0;
  const blocked = share(sent - allowed, sent);
  const ideal = share(sent - idealAllowed(quota, sentMs), sent);
  const difference = blocked - ideal;
  return [
    store,
    quota.algorithm,
    String(sent),
    String(allowed),
    String(answers.get("refused") ?? 0),
    `${blocked.toFixed(1)} %`,
    `${ideal.toFixed(1)} %`,
    `${difference > 0 ? "+" : ""}${difference.toFixed(1)}`,
  ];
}

const share = (part: number, whole: number): number => (100 * part) / whole;

function undecided({ store, quota, answers }: Line): string[] {
  return [...answers]
    .filter(([answer]) => answer !== "allowed" && answer !== "refused")
    .map(
      ([answer, times]) => `Not decided by the store: ${times} x ${answer} (${store}, ${quota.algorithm}).`,
    );
}
