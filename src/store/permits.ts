import type { Ahead } from "../limit/charge.ts";
import type { Settlement } from "../limit/settle.ts";
import { createAheadPlan } from "./ahead-plan.ts";
import { type Costs, createBelievedRefusal, decisionOf } from "./believed-refusal.ts";
import { type Deadline, SPENT_DEADLINE } from "./deadline.ts";
import { HeldPermits } from "./held-permits.ts";
import { createIdleWatch } from "./idle-watch.ts";
import type { Outcome, Store, StoreCharge, TakeAnswer, WaitUntil } from "./store.ts";

export type { Costs } from "./believed-refusal.ts";

/** The answer of a store that was asked just now, or lately; undefined when what was held paid. */
export type Use = TakeAnswer | undefined;

/**
 * Admissions taken ahead, for what comes in quick succession: messages. What a pool holds pays for them without a call. The
 * store counts all of it as used at the end of its time, so that nothing is admitted too much should the isolate die.
 */
export interface PermitPool {
  /** Lets something pass, or not: at once while what is held pays for it. */
  use(costs: Costs): Use | Promise<Use>;
  /** Gives back what is left, and takes nothing ahead from now on. */
  giveBack(): void;
}

export interface PermitParts {
  readonly store: Store;
  readonly now: () => number;
  readonly newDeadline: () => Deadline;
  readonly waitUntil: WaitUntil;
}

/** Not used in the last moments: by the store's clock they may be over. */
const SPARE_MS = 100;
/** Left unused for this long, permits are given back. */
const IDLE_MS = 1_000;
/** How many calls of others one waits for: the first may know too little of the pace, the second brings what can be had. */
const MAX_WAITS = 2;

/** How long a pool leaves a store alone that did not answer it. */
const OUTAGE_MS = 1_000;
/** How long nothing is taken ahead after a charge had nothing to spare. */
const SINGLES_MS = 1_000;

const isDegraded = ({ kind }: Outcome): boolean => kind === "local" || kind === "open" || kind === "closed";

/** The permits of one caller under some charges, all of which must admit. */
export function createPermitPool(charges: readonly StoreCharge[], parts: PermitParts): PermitPool {
  const { store, now, newDeadline, waitUntil } = parts;
  const plan = createAheadPlan(charges);
  const permits = new Map(charges.map(({ count }) => [count, new HeldPermits()]));
  const refusal = createBelievedRefusal(charges);
  const idleWatch = createIdleWatch(now, IDLE_MS, release);
  /** The call under way that brings more than its own cost. It may be another socket's. */
  let asking: Promise<unknown> | undefined;
  let isClosed = false;
  /** Until then the ladder decides at once: else each message would wait for a store that does not answer. */
  let outageUntilMs = 0;
  /** Until then nothing is taken ahead: a charge had none to spare, which makes the others' useless. */
  let singlesUntilMs = 0;

  const held = (count: string, nowMs: number) => permits.get(count)?.held(nowMs) ?? 0;

  function pay(costs: Costs, nowMs: number): boolean {
    if ([...costs].some(([count, cost]) => cost > held(count, nowMs))) return false;
    for (const [count, cost] of costs) permits.get(count)?.pay(cost, nowMs);
    return true;
  }

  const letGo = () => settle([...permits.values()].flatMap((own) => own.release()));

  async function take(costs: Costs, deadline: Deadline, aheads?: readonly Ahead[]): Promise<TakeAnswer> {
    const askedMs = now();
    const wanted = charges.map((charge, i): StoreCharge => {
      const cost = costs.get(charge.count) ?? 1;
      // Others may give back what they hold: a refusal is not final.
      return {
        ...charge,
        cost,
        ahead: aheads?.[i],
        provisional: charge.provisional === true || plan.holdMs > 0,
      };
    });
    const answer = await store.take(wanted, askedMs < outageUntilMs ? SPENT_DEADLINE : deadline);
    if (askedMs >= outageUntilMs && answer.outcomes.some(isDegraded)) outageUntilMs = now() + OUTAGE_MS;
    if (answer.admitted) refusal.forget();
    else refusal.remember(answer, costs, askedMs, now());
    return answer;
  }

  /**
   * Takes for now and ahead, which others may wait for.
   *
   * @param isForLater what it costs is for later use, too
   */
  function takeAhead(costs: Costs, deadline: Deadline, aheads: readonly Ahead[], isForLater = false) {
    const askedMs = now();
    const untilMs = askedMs + plan.holdMs - SPARE_MS;
    const taking = take(costs, deadline, aheads).then((answer) => {
      const { admitted, outcomes, receipts } = answer;
      for (const [i, { count }] of charges.entries()) {
        const units = (decisionOf(outcomes[i])?.permits ?? 0) + (isForLater ? (costs.get(count) ?? 1) : 0);
        const receipt = receipts.find(({ charge }) => charge.count === count);
        if (admitted) permits.get(count)?.add({ askedMs, untilMs, units, receipt });
        if (units === 0) singlesUntilMs = now() + SINGLES_MS;
      }
      return answer;
    });
    const ending = taking.finally(() => {
      if (asking === ending) asking = undefined;
    });
    asking = ending;
    return ending;
  }

  async function ask(costs: Costs): Promise<Use> {
    const deadline = newDeadline();
    let waits = 0;
    // What another's call brings may be enough. It may die with its socket: the wait is this one's own.
    while (asking && waits < MAX_WAITS && !deadline.isUp()) {
      const other = asking;
      await deadline.race(other).catch(() => {});
      waits += 1;
      if (asking === other) asking = undefined;
      const isPaid = pay(costs, now());
      const known = isPaid ? undefined : refusal.find(costs, now());
      if (isPaid || known) {
        deadline.clear();
        return known;
      }
    }
    const isAlone = !asking && waits < MAX_WAITS && !isClosed && now() >= singlesUntilMs;
    const aheads = isAlone ? plan.aheads(costs, now()) : undefined;
    return keptAlive(aheads ? takeAhead(costs, deadline, aheads) : take(costs, deadline), deadline);
  }

  /** Asks in the background before a steady caller would have to wait. */
  function topUp(costs: Costs, nowMs: number): void {
    if (asking || isClosed || nowMs < singlesUntilMs || refusal.find(costs, nowMs)) return;
    if (!plan.isShort(costs, (count) => held(count, nowMs), nowMs)) return;
    const aheads = plan.aheads(costs, nowMs);
    if (!aheads) return;
    const deadline = newDeadline();
    keptAlive(takeAhead(costs, deadline, aheads, true), deadline).catch(() => {});
  }

  function keptAlive<T>(work: Promise<T>, deadline: Deadline): Promise<T> {
    const ending = work.finally(() => deadline.clear());
    waitUntil(ending.catch(() => {}));
    return ending;
  }

  function settle(settlements: readonly Settlement[]): void {
    if (settlements.length === 0) return;
    const deadline = newDeadline();
    keptAlive(store.settle(settlements, deadline), deadline).catch(() => {});
  }

  function release(): void {
    letGo();
    // Nobody is there to use what a call under way still brings.
    if (asking) waitUntil(asking.catch(() => {}).then(letGo));
  }

  return {
    use(costs) {
      const nowMs = now();
      const isPaid = pay(costs, nowMs);
      const answer = isPaid ? undefined : (refusal.find(costs, nowMs) ?? ask(costs));
      plan.note(costs, nowMs);
      if (isPaid) topUp(costs, nowMs);
      settle([...permits.values()].flatMap((own) => own.expired(nowMs)));
      if (plan.holdMs > 0) idleWatch.used();
      return answer;
    },
    giveBack() {
      isClosed = true;
      release();
    },
  };
}
