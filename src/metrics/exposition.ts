import {
  ADMIN_OPERATIONS,
  ANSWERS,
  EDGE_KINDS,
  LIMIT_TYPES,
  OUTAGE_STEPS,
  POLICY_DECISIONS,
  STORE_BUCKETS_MS,
} from "./series.ts";
import type { MetricsSnapshot } from "./snapshot.ts";

/** The content type of Prometheus' text format. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * Counters: the first word of their series, what they count, and the labels of the other words. Last, where they are few,
 * the values of the last label besides a policy.
 */
const COUNTERS: readonly (readonly [
  name: string,
  help: string,
  labels: string,
  values?: readonly string[],
])[] = [
  ["requests", "Requests and messages by policy and decision.", "policy decision", POLICY_DECISIONS],
  ["answers", "Requests by what became of them.", "answer", ANSWERS],
  ["hits", "Refusals by what was refused.", "limit_type", LIMIT_TYPES],
  ["near_limit", "Requests allowed with 80 % of a quota used.", "policy"],
  ["lockouts", "Lockouts begun.", "policy"],
  ["degraded", "Decisions of the failure ladder.", "policy step", OUTAGE_STEPS],
  ["edge_decisions", "Decisions without the store.", "kind", EDGE_KINDS],
  ["store_errors", "Store calls that failed.", "store reason", []],
  ["local_overflow", "Quotas counted for new callers together, in a full isolate.", ""],
  ["admin_changes", "Changes by operators.", "policy operation", ADMIN_OPERATIONS],
  ["metrics_dropped", "Decisions missing in these metrics.", ""],
];

/**
 * Metrics in Prometheus' text format.
 *
 * @param policies those of the configuration: they are shown from the start, so that the first event is an increase
 */
export function exposition(
  { totals, connections, store }: MetricsSnapshot,
  policies: readonly string[],
): string {
  const counters = COUNTERS.flatMap(([name, help, labels, values]) => {
    const owners = labels.startsWith("policy") ? policies.map((policy) => `${name} ${policy}`) : [name];
    const known = values ? owners.flatMap((owner) => values.map((value) => `${owner} ${value}`)) : owners;
    const counts = new Map(known.map((series) => [series, 0]));
    for (const [series, n] of Object.entries(totals))
      if (series.split(" ")[0] === name) counts.set(series, n);
    const samples = [...counts].map(([series, n]) => `${name}_total${labelled(labels, series)} ${n}`);
    return family(`${name}_total`, "counter", help, samples.toSorted());
  });
  return [
    ...counters,
    ...family("store_seconds", "histogram", "How long store calls were waited for.", storeSamples(totals)),
    ...family("connections", "gauge", "WebSockets open.", [`connections ${connections}`]),
    ...family("open_breakers", "gauge", "Isolates whose circuit breaker is open.", [
      `open_breakers ${store.openBreakers}`,
    ]),
    "",
  ].join("\n");
}

/** @param samples without the prefix of all names */
function family(name: string, type: string, help: string, samples: readonly string[]): string[] {
  const head = [`# HELP rate_limit_${name} ${help}`, `# TYPE rate_limit_${name} ${type}`];
  return [...head, ...samples.map((sample) => `rate_limit_${sample}`)];
}

function labelled(labels: string, series: string): string {
  const [, ...values] = series.split(" ");
  if (labels === "") return "";
  return `{${labels.split(" ").map((label, i) => `${label}="${escaped(values[i] ?? "")}"`)}}`;
}

/** A label's value may hold anything but these three as they are. */
const escaped = (text: string): string => text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");

function storeSamples(totals: MetricsSnapshot["totals"]): string[] {
  let below = 0;
  const buckets = STORE_BUCKETS_MS.map((endMs) => {
    below += totals[`store_ms ${endMs}`] ?? 0;
    const end = endMs === Number.POSITIVE_INFINITY ? "+Inf" : endMs / 1_000;
    return `store_seconds_bucket{le="${end}"} ${below}`;
  });
  const sum = (totals["store_ms sum"] ?? 0) / 1_000;
  return [...buckets, `store_seconds_sum ${sum}`, `store_seconds_count ${below}`];
}
