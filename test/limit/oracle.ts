import type { Quota } from "../../src/limit/quota.ts";

/** Something that was counted. The oracle keeps every one, forever and unrounded. */
export interface Counted {
  readonly atMs: number;
  /** What of it still counts: lowered by refunds. */
  cost: number;
}

/**
 * What a quota can still admit at an instant, worked out from everything ever counted (in the order of
 * time). Slow and obvious on purpose. Below zero when more was counted than the quota allows.
 */
export function roomAt(history: readonly Counted[], quota: Quota, nowMs: number): number {
  const sumWhere = (stands: (atMs: number) => boolean): number =>
    history.reduce((sum, { atMs, cost }) => sum + (stands(atMs) ? cost : 0), 0);
  const windowOf = (timeMs: number) => Math.floor(timeMs / quota.windowMs);
  switch (quota.algorithm) {
    case "concurrency":
    case "sliding-window":
      return quota.limit - sumWhere((atMs) => nowMs - quota.windowMs < atMs && atMs <= nowMs);
    case "fixed-window":
      return quota.limit - sumWhere((atMs) => windowOf(atMs) === windowOf(nowMs));
    case "token-bucket":
      return tokensAt(history, quota, nowMs);
  }
}

/** A bucket that fills: one token is `window` parts, each millisecond brings `limit` of them. */
function tokensAt(history: readonly Counted[], quota: Quota, nowMs: number): number {
  const token = BigInt(quota.windowMs);
  const full = BigInt(quota.burst) * token;
  let parts = full;
  let atMs = 0;
  const fillUntil = (timeMs: number): void => {
    parts += BigInt(timeMs - atMs) * BigInt(quota.limit);
    if (parts > full) parts = full;
    atMs = timeMs;
  };
  for (const counted of history) {
    fillUntil(counted.atMs);
    parts -= BigInt(counted.cost) * token;
  }
  fillUntil(nowMs);
  // BigInt division rounds towards zero, which would show a bucket in debt as empty.
  return parts < 0n ? -Number((-parts + token - 1n) / token) : Number(parts / token);
}

/** Milliseconds until a cost fits if nothing else is counted, found by halving; Infinity: never. */
export function waitFor(history: readonly Counted[], quota: Quota, cost: number, nowMs: number): number {
  if (cost > quota.burst) return Number.POSITIVE_INFINITY;
  if (roomAt(history, quota, nowMs) >= cost) return 0;
  let tooSoon = 0;
  let enough = 1;
  while (roomAt(history, quota, nowMs + enough) < cost) enough *= 2;
  while (enough - tooSoon > 1) {
    const middle = Math.floor((tooSoon + enough) / 2);
    if (roomAt(history, quota, nowMs + middle) < cost) tooSoon = middle;
    else enough = middle;
  }
  return enough;
}
