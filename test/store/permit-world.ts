import { vi } from "vitest";
import { createBreaker } from "../../src/store/breaker.ts";
import { createDeadline } from "../../src/store/deadline.ts";
import { withGuard } from "../../src/store/guard.ts";
import { createKnownRefusals } from "../../src/store/known-refusals.ts";
import { createLadder } from "../../src/store/ladder.ts";
import { createLocalStore } from "../../src/store/local.ts";
import { type Costs, createPermitPool, type Use } from "../../src/store/permits.ts";
import type { Store, StoreCharge, TakeAnswer } from "../../src/store/store.ts";

export const costsOf = (charges: readonly StoreCharge[]): Costs =>
  new Map(charges.map(({ count, cost }) => [count, cost]));

/** How the way to the store is, by calls: how long there and back, and whether its answer, or the call itself, is lost. */
export interface Way {
  thereMs(): number;
  backMs(): number;
  isLost(): boolean;
}

export const shortWay = (ms = 0): Way => ({ thereMs: () => ms, backMs: () => ms, isLost: () => false });

/** Something that was let through: by true time, with what was held, or at the instant the store counted it. */
export interface Passed {
  readonly atMs: number;
  readonly units: number;
  /** Whether what was held paid. */
  readonly isHeld: boolean;
}

/** One store, by fake time, and isolates with a pool each. */
export function createWorld(charges: readonly StoreCharge[], way: Way = shortWay()) {
  let skewMs = 0;
  const calls = { takes: 0, settles: 0, asked: [] as (readonly StoreCharge[])[] };
  const countedAt = new WeakMap<TakeAnswer, number>();
  const passed: Passed[] = [];
  const store = createLocalStore(() => Date.now() + skewMs);
  const costs = costsOf(charges);

  const sleep = (ms: number) => (ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined);
  const never = new Promise<never>(() => {});

  async function travel<T>(isDead: () => boolean, call: () => Promise<T>): Promise<T> {
    await sleep(way.thereMs());
    if (isDead()) return never;
    const answer = await call();
    if (way.isLost()) return never;
    await sleep(way.backMs());
    return isDead() ? never : answer;
  }

  /** @param aheadMs of its clock, against true time */
  function isolate(aheadMs = 0) {
    let isDead = false;
    const now = () => Date.now() + aheadMs;
    const far: Store = {
      take(wanted, deadline) {
        calls.takes += 1;
        calls.asked.push(wanted);
        return travel(
          () => isDead,
          async () => {
            const answer = await store.take(wanted, deadline);
            countedAt.set(answer, Date.now());
            return answer;
          },
        );
      },
      settle(settlements, deadline) {
        calls.settles += 1;
        return travel(
          () => isDead,
          () => store.settle(settlements, deadline),
        );
      },
    };
    const known = createKnownRefusals(now);
    const ladder = createLadder(createLocalStore(now), known);
    const guarded = withGuard(far, "store", { breaker: createBreaker(now, 1), ladder, report: () => {} });
    const pool = createPermitPool(charges, {
      store: guarded,
      now,
      newDeadline: () => createDeadline(1_000, now),
      waitUntil: () => {},
    });

    function note(use: Use, own: Costs): boolean {
      if (isDead || (use && !use.admitted)) return false;
      const atMs = (use && countedAt.get(use)) ?? Date.now();
      passed.push({ atMs, units: [...own.values()][0] ?? 0, isHeld: use === undefined });
      return true;
    }

    return {
      pool,
      /** Whether it was let through. */
      async send(own = costs): Promise<boolean> {
        if (isDead) return false;
        const use = pool.use(own);
        return note(use instanceof Promise ? await use : use, own);
      },
      /** Nothing of it goes on. */
      die: () => {
        isDead = true;
      },
    };
  }

  return {
    calls,
    passed,
    store,
    isolate,
    setSkew(ms: number) {
      skewMs = ms;
    },
    /** Lets time go by, to the end of everything that begins meanwhile. */
    pass: (ms: number) => vi.advanceTimersByTimeAsync(ms),
  };
}

/** The most that passed in any trailing window. */
export function worstWindow(passed: readonly Passed[], windowMs: number): number {
  const inOrder = passed.toSorted((a, b) => a.atMs - b.atMs);
  let worst = 0;
  let sum = 0;
  let from = 0;
  for (const { atMs, units } of inOrder) {
    sum += units;
    for (let oldest = inOrder[from]; oldest && oldest.atMs <= atMs - windowMs; oldest = inOrder[++from])
      sum -= oldest.units;
    worst = Math.max(worst, sum);
  }
  return worst;
}
