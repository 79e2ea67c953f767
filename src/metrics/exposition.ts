import { ANSWERS, EDGE_KINDS, LIMIT_TYPES, POLICY_DECISIONS, STORE_BUCKETS_MS } from "./series.ts";
import type { MetricsSnapshot } from "./snapshot.ts";

/** The content type of Prometheus' text format. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Counters, by the first word of their series and of `rate_limit_..._total`: what they count, and the labels of the other words. */
const COUNTERS: Readonly<Record<string, readonly [help: string, ...labels: string[]]>> = {
  requests: [
    "Requests and messages by what a policy decided. Refused by another, they do not count where there was room.",
    "policy",
    "decision",
  ],
  answers: ["Requests by what became of them.", "answer"],
  hits: ["Refusals by what was refused.", "limit_type"],
  near_limit: ["Allowed with at least 80 % of a quota used.", "policy"],
  lockouts: ["Lockouts begun.", "policy"],
  degraded: ["Decided by the failure ladder.", "policy", "step"],
  edge_decisions: ["Decided without asking the store.", "kind"],
  store_errors: ["Store calls that failed.", "store", "reason"],
  metrics_dropped: ["Decisions missing in these metrics."],
};

/**
 * Metrics in Prometheus' text format.
 *
 * @param policies those of the configuration: they are shown from the start, so that the first event is an increase
 */
export function exposition(snapshot: MetricsSnapshot, policies: readonly string[]): string {
  const { totals, connections, store } = snapshot;
  const byWord = Map.groupBy(
    Object.entries({ ...zeroes(policies), ...totals }).map(([series, n]) => ({
      words: series.split(" "),
      n,
    })),
    ({ words }) => words[0],
  );
  const counters = Object.entries(COUNTERS).flatMap(([word, [help, ...labels]]) => {
    const name = `${word}_total`;
    const samples = (byWord.get(word) ?? []).map(({ words, n }) =>
      sample(
        name,
        labels.map((label, i) => [label, words[i + 1] ?? ""]),
        n,
      ),
    );
    return [...head(name, "counter", help), ...samples.toSorted()];
  });
  const lines = [
    ...counters,
    ...storeTimes(totals),
    ...gauge("connections", "WebSockets open.", connections),
    ...gauge("open_breakers", "Isolates whose circuit breaker is open.", store.openBreakers),
  ];
  return `${lines.join("\n")}\n`;
}

function zeroes(policies: readonly string[]): Record<string, number> {
  const series = [
    ...policies.flatMap((policy) => [
      ...POLICY_DECISIONS.map((decision) => `requests ${policy} ${decision}`),
      `near_limit ${policy}`,
      `lockouts ${policy}`,
    ]),
    ...ANSWERS.map((answer) => `answers ${answer}`),
    ...LIMIT_TYPES.map((type) => `hits ${type}`),
    ...EDGE_KINDS.map((kind) => `edge_decisions ${kind}`),
    "metrics_dropped",
  ];
  return Object.fromEntries(series.map((one) => [one, 0]));
}

function storeTimes(totals: MetricsSnapshot["totals"]): string[] {
  let below = 0;
  const buckets = STORE_BUCKETS_MS.map((endMs) => {
    below += totals[`store_ms ${endMs}`] ?? 0;
    return sample(
      "store_seconds_bucket",
      [["le", endMs === Number.POSITIVE_INFINITY ? "+Inf" : String(endMs / 1_000)]],
      below,
    );
  });
  return [
    ...head("store_seconds", "histogram", "How long store calls were waited for."),
    ...buckets,
    sample("store_seconds_sum", [], (totals["store_ms sum"] ?? 0) / 1_000),
    sample("store_seconds_count", [], below),
  ];
}

const gauge = (name: string, help: string, value: number): string[] => [
  ...head(name, "gauge", help),
  sample(name, [], value),
];

const head = (name: string, type: string, help: string): string[] => [
  `# HELP rate_limit_${name} ${help}`,
  `# TYPE rate_limit_${name} ${type}`,
];

function sample(name: string, labels: readonly (readonly [string, string])[], value: number): string {
  const pairs = labels.map(([label, text]) => `${label}="${escaped(text)}"`).join(",");
  return `rate_limit_${name}${pairs && `{${pairs}}`} ${value}`;
}

/** A label's value may hold anything but these three as they are. */
const escaped = (text: string): string =>
  text.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
