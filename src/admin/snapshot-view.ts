import { ANSWERS, POLICY_DECISIONS } from "../metrics/series.ts";
import type { MetricsSnapshot } from "../metrics/snapshot.ts";
import { isoTime } from "./key-state.ts";

const RECENT_MINUTES = 5;
/** What is counted for each policy, by the names that JSON has for it. */
const POLICY_SERIES = {
  allowed: (name: string) => `requests ${name} allowed`,
  refused: (name: string) => `requests ${name} refused`,
  shadow_refused: (name: string) => `requests ${name} shadow_refused`,
  degraded: (name: string) => `requests ${name} degraded`,
  near_limit: (name: string) => `near_limit ${name}`,
  lockouts: (name: string) => `lockouts ${name}`,
};

/** What the dashboard shows, as JSON: of the last hour, and of the last five minutes for the store and `per_minute`. */
export function snapshotView(metrics: MetricsSnapshot, policies: readonly string[], storeKind: string) {
  const { at, connections, lastHour, topRefused, store } = metrics;
  const sum = (series: string, sinceMs = 0) =>
    lastHour.reduce((total, minute) => total + (minute.at > sinceMs ? (minute.counts[series] ?? 0) : 0), 0);
  const decisions = (name: string, sinceMs: number) =>
    POLICY_DECISIONS.reduce((total, decision) => total + sum(`requests ${name} ${decision}`, sinceMs), 0);
  const minutes = lastHour.map((minute) => ({
    at: isoTime(minute.at),
    ...Object.fromEntries(ANSWERS.map((answer) => [answer, minute.counts[`answers ${answer}`] ?? 0])),
  }));
  const topKeys = new Map(Object.entries(topRefused));
  const recentMs = at - RECENT_MINUTES * 60_000;
  return {
    at: isoTime(at),
    connections,
    minutes: minutes.filter((_, i) => ANSWERS.some((answer) => lastHour[i]?.counts[`answers ${answer}`])),
    policies: policies.map((name) => ({
      name,
      last_hour: Object.fromEntries(
        Object.entries(POLICY_SERIES).map(([field, series]) => [field, sum(series(name))]),
      ),
      per_minute: decisions(name, recentMs) / RECENT_MINUTES,
      top_refused: topKeys.get(name) ?? [],
    })),
    store: {
      kind: storeKind,
      calls: store.calls,
      errors: store.errors,
      p50_ms: store.p50Ms,
      p95_ms: store.p95Ms,
      p99_ms: store.p99Ms,
      open_breakers: store.openBreakers,
      without_call: sum("edge_decisions refusal", recentMs) + sum("edge_decisions lease", recentMs),
    },
  };
}
