import type { Quota } from "../src/limit/quota.ts";

/** Something that was let through under a sliding window, by the store's time. */
export interface Use {
  /** When at the soonest, and at the latest: the same where it is known. */
  readonly fromMs: number;
  readonly toMs: number;
  cost: number;
}

/** What was really let through where permits are held: the store counts their batch otherwise. */
export interface UseLog {
  add(fromMs: number, toMs: number, cost: number): Use;
  /** The most that is sure to lie in any trailing window that a use is part of. */
  worstAround(use: Use): number;
}

export function createUseLog({ windowMs }: Quota): UseLog {
  /** In the order of their latest times. */
  let uses: Use[] = [];
  const at = (i: number) => uses[i] as Use;

  /** What lies in the window that ends with a use. */
  function sumTo(last: number): number {
    const { toMs } = at(last);
    let sum = 0;
    for (let i = last; i >= 0 && at(i).toMs > toMs - windowMs; i--)
      if (at(i).fromMs > toMs - windowMs) sum += at(i).cost;
    return sum;
  }

  return {
    add(fromMs, toMs, cost) {
      const use = { fromMs, toMs, cost };
      if (uses.length > 2_000) uses = uses.filter((old) => old.toMs > toMs - 3 * windowMs);
      let i = uses.length;
      while (i > 0 && at(i - 1).toMs > toMs) i -= 1;
      uses.splice(i, 0, use);
      return use;
    },
    worstAround({ fromMs, toMs }) {
      let worst = 0;
      for (let i = uses.length - 1; i >= 0 && at(i).toMs >= toMs; i--) {
        const isLastThen = at(i + 1)?.toMs !== at(i).toMs;
        if (isLastThen && at(i).toMs < fromMs + windowMs) worst = Math.max(worst, sumTo(i));
      }
      return worst;
    },
  };
}
