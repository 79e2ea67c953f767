import type { Gauges, Report } from "./protocol.ts";
import { type Counts, STORE_BUCKETS_MS, sumCounts } from "./series.ts";
import { MAX_KEYS, sumKeys } from "./top-keys.ts";

/**
 * Everything that is known at an instant, of all isolates, as JSON. Counts are objects by series (`Series`):
 *
 * ```
 * {
 *   "at": 1790000000000,
 *   "totals": { "requests chat-user allowed": 812, "hits http": 12, "store_ms 5": 400, "store_ms sum": 2100, ... },
 *   "connections": 3,
 *   "lastHour": [{ "at": 1789999980000, "counts": { "requests chat-user allowed": 7, ... } }, ...],
 *   "topRefused": { "chat-user": [{ "key": "<digest>", "refusals": 9, "error": 0 }, ...] },
 *   "store": { "calls": 520, "errors": 0, "p50Ms": 2.1, "p95Ms": 7.5, "p99Ms": 18, "openBreakers": 0 }
 * }
 * ```
 */
export interface MetricsSnapshot {
  /** Epoch milliseconds. */
  readonly at: number;
  /** Since the metrics objects began. */
  readonly totals: Readonly<Record<string, number>>;
  /** WebSockets that are open. */
  readonly connections: number;
  /** By minute, oldest first; minutes in which nothing was counted are missing. `at` is their begin, epoch milliseconds. */
  readonly lastHour: readonly { readonly at: number; readonly counts: Readonly<Record<string, number>> }[];
  /**
   * By policy, most refused first, of the last 30 to 60 minutes, shadow refusals included. `key` is a digest; `refusals` is too high by at most `error`.
   */
  readonly topRefused: Readonly<Record<string, readonly RefusedKey[]>>;
  /** Of the last five minutes. */
  readonly store: StoreHealth;
}

export interface RefusedKey {
  readonly key: string;
  readonly refusals: number;
  readonly error: number;
}

export interface StoreHealth {
  /** Calls, and how many of them failed. */
  readonly calls: number;
  readonly errors: number;
  /** How long half, 95 % and 99 % of the calls took at most; null without any. An estimate within a bucket. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  /** Isolates whose circuit breaker keeps them from asking the store now. */
  readonly openBreakers: number;
}

const MINUTE_MS = 60_000;
const HEALTH_MS = 5 * MINUTE_MS;

/** The sum of what all metrics objects know. */
export function snapshotOf(reports: readonly Report[], nowMs: number): MetricsSnapshot {
  const byMinute = Map.groupBy(
    reports.flatMap(({ minutes }) => [...minutes]),
    ([minute]) => minute,
  );
  const minutes = [...byMinute]
    .map(([minute, same]) => ({
      at: minute * MINUTE_MS,
      counts: sumCounts(same.map(([, counts]) => counts)),
    }))
    .toSorted((one, other) => one.at - other.at);
  const gauge = (name: keyof Gauges) => reports.reduce((sum, { gauges }) => sum + gauges[name], 0);
  const recent = minutes.filter(({ at }) => at > nowMs - HEALTH_MS);
  return {
    at: nowMs,
    totals: Object.fromEntries(sumCounts(reports.map(({ counts }) => counts))),
    connections: gauge("sockets"),
    lastHour: minutes.map(({ at, counts }) => ({ at, counts: Object.fromEntries(counts) })),
    topRefused: topRefused(reports),
    store: healthOf(sumCounts(recent.map(({ counts }) => counts)), gauge("openBreakers")),
  };
}

function topRefused(reports: readonly Report[]): Record<string, RefusedKey[]> {
  const byPolicy = [...sumKeys(reports.map(({ keys }) => keys))].map(([policy, keys]) => {
    const refused = [...keys].map(([key, [refusals, error]]) => ({ key, refusals, error }));
    return [policy, refused.toSorted((one, other) => other.refusals - one.refusals).slice(0, MAX_KEYS)];
  });
  return Object.fromEntries(byPolicy);
}

function healthOf(counts: Counts, openBreakers: number): StoreHealth {
  const errors = [...counts].filter(([series]) => series.startsWith("store_errors "));
  return {
    calls: STORE_BUCKETS_MS.reduce((sum, endMs) => sum + (counts.get(`store_ms ${endMs}`) ?? 0), 0),
    errors: errors.reduce((sum, [, n]) => sum + n, 0),
    p50Ms: quantileMs(counts, 0.5),
    p95Ms: quantileMs(counts, 0.95),
    p99Ms: quantileMs(counts, 0.99),
    openBreakers,
  };
}

/**
 * The time that a share of the store calls took at most, as Prometheus estimates it: evenly spread within a bucket, and in
 * the last one its begin. Null without any call.
 *
 * @param share from 0 to 1
 */
export function quantileMs(counts: Counts, share: number): number | null {
  const inBucket = STORE_BUCKETS_MS.map((endMs) => counts.get(`store_ms ${endMs}`) ?? 0);
  let left = share * inBucket.reduce((sum, n) => sum + n, 0);
  if (left === 0) return null;
  for (const [i, n] of inBucket.entries()) {
    const beginMs = STORE_BUCKETS_MS[i - 1] ?? 0;
    const endMs = STORE_BUCKETS_MS[i] ?? beginMs;
    if (endMs === Number.POSITIVE_INFINITY) return beginMs;
    if (n >= left) return beginMs + ((endMs - beginMs) * left) / n;
    left -= n;
  }
  return null;
}
