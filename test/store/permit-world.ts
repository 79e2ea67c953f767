import { vi } from "vitest";
import { createBreaker } from "../../src/store/breaker.ts";
import { createDeadline } from "../../src/store/deadline.ts";
import { withKnownRefusals } from "../../src/store/edge-cache.ts";
import { withGuard } from "../../src/store/guard.ts";
import { createKnownRefusals } from "../../src/store/known-refusals.ts";
import { createLadder } from "../../src/store/ladder.ts";
import { withLeases } from "../../src/store/leases.ts";
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

/** What one isolate does with a caller's requests or messages. */
export interface Isolate {
  /** Whether it was let through. */
  send(costs?: Costs): Promise<boolean>;
  /** Nothing of it goes on. */
  die(): void;
  /** Nothing comes any more. */
  leave(): void;
}

/** How long an isolate waits for its store. */
const TIMEOUT_MS = 1_000;

/** One store, by fake time, and isolates that take ahead of it. */
export function createWorld(charges: readonly StoreCharge[], way: Way = shortWay()) {
  let skewMs = 0;
  const calls = { takes: 0, settles: 0, asked: [] as (readonly StoreCharge[])[] };
  /** When the store counted what led to an outcome. */
  const countedAt = new WeakMap<object, number>();
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

  /** The way of an isolate to the store. @param aheadMs of its clock, against true time */
  function connect(aheadMs: number) {
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
            for (const outcome of answer.outcomes) countedAt.set(outcome, Date.now());
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

    /** @param answer undefined: what was held paid */
    function note(answer: TakeAnswer | undefined, own: Costs): boolean {
      if (isDead || (answer && !answer.admitted)) return false;
      const [outcome] = answer?.outcomes ?? [];
      const countedMs = outcome && countedAt.get(outcome);
      const units = [...own.values()][0] ?? 0;
      passed.push({ atMs: countedMs ?? Date.now(), units, isHeld: countedMs === undefined });
      return true;
    }

    const die = () => {
      isDead = true;
    };
    return { now, known, guarded, note, die, isDead: () => isDead };
  }

  const newDeadlineOf = (now: () => number, ms = TIMEOUT_MS) => createDeadline(ms, now);

  /** One whose messages a pool of permits pays for. */
  function isolate(aheadMs = 0) {
    const { now, guarded, note, die, isDead } = connect(aheadMs);
    const newDeadline = () => newDeadlineOf(now);
    const pool = createPermitPool(charges, { store: guarded, now, newDeadline, waitUntil: () => {} });
    return {
      pool,
      async send(own = costs): Promise<boolean> {
        if (isDead()) return false;
        const use: Use | Promise<Use> = pool.use(own);
        return note(use instanceof Promise ? await use : use, own);
      },
      die,
      leave: () => pool.giveBack(),
    };
  }

  /** One that leases what its requests are charged with. */
  function leasing(aheadMs = 0, random: () => number = Math.random) {
    const { now, known, guarded, note, die, isDead } = connect(aheadMs);
    const leased = withLeases(guarded, {
      now,
      newDeadline: () => newDeadlineOf(now),
      newWait: () => newDeadlineOf(now, TIMEOUT_MS / 2),
      waitUntil: () => {},
      random,
    });
    const edge = withKnownRefusals(leased, known, now);
    return {
      edge,
      async send(own = costs): Promise<boolean> {
        if (isDead()) return false;
        const wanted = charges.map((charge) => ({ ...charge, cost: own.get(charge.count) ?? 1 }));
        const deadline = newDeadlineOf(now);
        const answer = await edge.take(wanted, deadline);
        deadline.clear();
        return note(answer, own);
      },
      die,
      leave() {},
    };
  }

  return {
    calls,
    passed,
    store,
    isolate,
    leasing,
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
