import type { Deadline } from "./deadline.ts";
import { createHeldPermits } from "./held-permits.ts";
import { createPace } from "./pace.ts";
import type { Outcome, Store, StoreCharge, TakeAnswer, WaitUntil } from "./store.ts";

/** What something costs under each charge, by its count. Whole units. */
export type Costs = ReadonlyMap<string, number>;

/** The answer of a store that was asked just now, or lately; undefined when what was held paid. */
export type Use = TakeAnswer | undefined;

/**
 * Admissions taken ahead, for what comes in quick succession: messages. What a pool holds pays for them without a call. The
 * store counts all of it as used at the end of its time, so that nothing is admitted too much should the isolate die.
 */
export interface PermitPool {
  /** Lets something pass, or not: at once while what is held pays for it. */
  use(costs: Costs): Use | Promise<Use>;
  /** Gives back what is left. */
  giveBack(): void;
}

export interface PermitParts {
  readonly store: Store;
  readonly now: () => number;
  readonly newDeadline: () => Deadline;
  readonly waitUntil: WaitUntil;
}

/** The longest that permits are held, and the part of a window: a steady caller loses as much of it. */
const MAX_HOLD_MS = 2_000;
const HOLD_SHARE = 1 / 20;
/** For less it is not worth taking any ahead. */
const MIN_HOLD_MS = 200;
/** Not used in the last moments: by the store's clock they may be over. */
const SPARE_MS = 100;
/** The part of a limit that is asked for ahead at most. */
const MAX_SHARE = 1 / 20;
/** Asked for again before it runs out: when it lasts no longer than this. */
const LEAD_SECONDS = 0.25;
/** How long a refusal is believed before the store is asked again: somebody may have given back. */
const MAX_REFUSAL_MS = 1_000;
/** Left unused for this long, permits are given back. */
const IDLE_MS = 1_000;

interface Refusal {
  readonly answer: TakeAnswer;
  readonly costs: Costs;
  readonly atMs: number;
  readonly untilMs: number;
}

/** The permits of one caller under some charges, all of which must admit. */
export function createPermitPool(charges: readonly StoreCharge[], parts: PermitParts): PermitPool {
  const { store, now, newDeadline, waitUntil } = parts;
  const holdMs = holdTimeOf(charges);
  const permits = createHeldPermits();
  const paces = new Map(charges.map(({ count }) => [count, createPace()]));
  const paceOf = (count: string) => paces.get(count)?.perSecond(now()) ?? 0;
  let refusal: Refusal | undefined;
  /** The call under way, which may be another socket's. */
  let asking: Promise<unknown> | undefined;
  let lastUseMs = 0;
  let watchedMs = Number.NEGATIVE_INFINITY;

  /** The refusal as it stands now, while it is believed. What costs less may still have room. */
  function knownRefusal(costs: Costs): TakeAnswer | undefined {
    if (!refusal || now() >= refusal.untilMs) return undefined;
    const { answer, atMs, costs: refused } = refusal;
    const isCheaper = [...costs].some(([count, cost]) => cost < (refused.get(count) ?? 0));
    return isCheaper ? undefined : later(answer, now() - atMs);
  }

  /** @param isForLater what it costs is for later use, too */
  async function take(costs: Costs, deadline: Deadline, isForLater: boolean): Promise<TakeAnswer> {
    const askedMs = now();
    const wanted = charges.map((charge): StoreCharge => {
      const most = Math.floor(charge.quota.limit * MAX_SHARE);
      const units = Math.min(most, Math.floor((paceOf(charge.count) * holdMs) / 2_000));
      const ahead = units > 0 || isForLater ? { units, holdMs } : undefined;
      return { ...charge, cost: costs.get(charge.count) ?? 1, ahead };
    });
    const answer = await store.take(wanted, deadline);
    if (!answer.admitted) {
      const untilMs = askedMs + Math.min(waitOf(answer), MAX_REFUSAL_MS);
      refusal = { answer, costs, atMs: now(), untilMs };
      return answer;
    }
    refusal = undefined;
    const left = new Map(
      wanted.map(({ count, cost }, i) => [count, permitsOf(answer, i) + (isForLater ? cost : 0)]),
    );
    permits.add({ untilMs: askedMs + holdMs - SPARE_MS, receipts: answer.receipts, left });
    return answer;
  }

  /** A call that others may wait for. */
  function call(costs: Costs, deadline: Deadline, isForLater: boolean): Promise<TakeAnswer> {
    const taking = take(costs, deadline, isForLater).finally(() => {
      deadline.clear();
      if (asking === taking) asking = undefined;
    });
    asking = taking;
    waitUntil(taking.catch(() => {}));
    return taking;
  }

  async function ask(costs: Costs): Promise<Use> {
    const deadline = newDeadline();
    // What another's call brings may be enough. It dies with its socket: the wait is this one's own.
    if (asking) await deadline.race(asking).catch(() => {});
    const isPaid = permits.pay(costs, now());
    const known = isPaid ? undefined : knownRefusal(costs);
    if (!isPaid && !known) return call(costs, deadline, false);
    deadline.clear();
    return known;
  }

  /** Asks in the background before a steady caller would have to wait. */
  function topUp(costs: Costs): void {
    if (asking || refusal || holdMs === 0) return;
    const isShort = [...costs].some(([count, cost]) => {
      const soon = paceOf(count) * LEAD_SECONDS;
      return soon >= cost && permits.held(count, now()) < soon;
    });
    if (isShort) call(costs, newDeadline(), true).catch(() => {});
  }

  /** The timer is that of the socket in use, and dies with it: the next use sets another. */
  function watchIdle(): void {
    if (holdMs === 0 || now() - watchedMs < IDLE_MS) return;
    watchedMs = now();
    setTimeout(() => (now() - lastUseMs >= IDLE_MS ? giveBack() : watchIdle()), IDLE_MS);
  }

  function giveBack(): void {
    const settlements = permits.release(now());
    if (settlements.length === 0) return;
    const deadline = newDeadline();
    const settling = store.settle(settlements, deadline).catch(() => {});
    waitUntil(settling.finally(() => deadline.clear()));
  }

  return {
    use(costs) {
      const isPaid = permits.pay(costs, now());
      const answer = isPaid ? undefined : (knownRefusal(costs) ?? ask(costs));
      lastUseMs = now();
      for (const [count, cost] of costs) paces.get(count)?.note(cost, lastUseMs);
      if (isPaid) topUp(costs);
      watchIdle();
      return answer;
    },
    giveBack,
  };
}

/** How long permits under these charges are held; 0 when none can be taken ahead. */
function holdTimeOf(charges: readonly StoreCharge[]): number {
  if (charges.some(({ quota }) => quota.algorithm !== "sliding-window")) return 0;
  const windowMs = Math.min(...charges.map(({ quota }) => quota.windowMs));
  const holdMs = Math.min(MAX_HOLD_MS, Math.floor(windowMs * HOLD_SHARE));
  return holdMs < MIN_HOLD_MS ? 0 : holdMs;
}

const decisionOf = (outcome: Outcome | undefined) =>
  outcome?.kind === "decided" || outcome?.kind === "local" ? outcome.decision : undefined;

const permitsOf = (answer: TakeAnswer, i: number): number => decisionOf(answer.outcomes[i])?.permits ?? 0;

/** How long a refusal lasts; 0 when nobody counted. */
const waitOf = ({ outcomes }: TakeAnswer): number =>
  Math.max(0, ...outcomes.map((outcome) => decisionOf(outcome)?.retryAfterMs ?? 0));

/** The same refusal some time later. */
function later(answer: TakeAnswer, ms: number): TakeAnswer {
  const outcomes = answer.outcomes.map((outcome) => {
    if (outcome.kind !== "decided" && outcome.kind !== "local") return outcome;
    const retryAfterMs = Math.max(0, outcome.decision.retryAfterMs - ms);
    return { ...outcome, decision: { ...outcome.decision, retryAfterMs } };
  });
  return { ...answer, outcomes };
}
