import type { Decision } from "../limit/charge.ts";
import { BoundedMap } from "./bounded-map.ts";
import { type Deadline, SPENT_DEADLINE } from "./deadline.ts";
import { createKnownRefusals, quotaKey } from "./known-refusals.ts";
import { Lease, type LeaseCall } from "./lease.ts";
import { answerOf, conclude, type Entry, isOpen, outcomeOf, serve } from "./lease-entries.ts";
import { LeasePlan } from "./lease-plan.ts";
import type { Outcome, Store, StoreCharge, TakeAnswer, WaitUntil } from "./store.ts";

export interface LeaseParts {
  readonly now: () => number;
  /** The longest that a call may take: longer than a request waits for it. */
  readonly newDeadline: () => Deadline;
  /** The longest that a request waits for another's call: shorter than its deadline, so that it can still repeat it. */
  readonly newWait: () => Deadline;
  readonly waitUntil: WaitUntil;
  /** Is told of each request that is decided without a call. */
  readonly onOwn?: (admitted: boolean) => void;
  /** From 0 up to 1. Spreads over time what would come back together. */
  readonly random: () => number;
}

/** Of a lease that is dropped, what is in hand comes to its end unused. */
const MAX_LEASES = 10_000;
const MAX_BELIEVED_MS = 10_000;
/** The same of a refusal by what another request may still give back. */
const MAX_TENTATIVE_MS = 1_000;
/** How many calls of others one request waits for, and how many of them may fail. */
const MAX_WAITS = 4;
const MAX_FAILURES = 2;

/** How long a call may take, milliseconds: three times as long as a request waits for it, but hardly longer than permits last. */
export const leaseCallMs = (storeTimeoutMs: number): number =>
  Math.max(storeTimeoutMs, Math.min(3 * storeTimeoutMs, 10_000));

/** What is asked of the store in one call. */
interface Asked {
  readonly entries: readonly Entry[];
  readonly wanted: readonly StoreCharge[];
  readonly askedMs: number;
  /** Units of each cost that are for later use. */
  readonly forLater: number;
}

/**
 * Pays leased charges with permits that this isolate took ahead, so that most requests need no store call. What is
 * not in hand, or not leased, is asked for in one call; should that refuse, what was paid is put back.
 */
export function withLeases(
  store: Store,
  { now, newDeadline, newWait, waitUntil, random, onOwn = () => {} }: LeaseParts,
): Store {
  const leases = new BoundedMap<string, Lease>(MAX_LEASES);
  /** Refusals of leased quotas: of shadows, and of calls in the background, too. */
  const believed = createKnownRefusals(now);
  const refusalOf = (charge: StoreCharge) => believed.find(charge, MAX_BELIEVED_MS);

  function entryOf(charge: StoreCharge): Entry {
    if (!charge.lease || !LeasePlan.isFor(charge.quota)) return { charge, lease: undefined };
    const id = quotaKey(charge);
    let lease = leases.get(id);
    if (!lease) {
      lease = new Lease(charge.quota);
      leases.set(id, lease);
    }
    return { charge, lease };
  }

  async function ask(entries: readonly Entry[], deadline: Deadline): Promise<TakeAnswer> {
    // Where the call before was not answered, nobody repeats this one: a store with too much to do would have twice as much.
    const mostFailures = entries.some(({ lease }) => lease?.isInDoubt) ? 1 : MAX_FAILURES;
    let failures = 0;
    for (let waits = 0; waits < MAX_WAITS && failures < mostFailures && !deadline.isUp(); waits++) {
      const other = entries.find((entry) => isOpen(entry) && entry.lease?.isAsking);
      const call = other?.lease?.call;
      if (!call) break;
      const { cost } = other.charge;
      call.waiting += cost;
      if (!(await isAnswered(call, deadline))) failures += 1;
      // Not before: whoever of those that waited asks next, asks for all the others.
      call.waiting -= cost;
      const nowMs = now();
      serve(entries, refusalOf, nowMs);
      const answer = answerOf(entries, nowMs);
      if (answer) return answer;
    }
    const open = entries.filter(isOpen);
    const isHopeless = failures >= mostFailures || open.some(({ lease }) => lease?.isResting(now()));
    const answer = await (isHopeless ? take(open, SPENT_DEADLINE) : takeInTime(open, deadline));
    const nowMs = now();
    conclude(entries, answer.admitted, nowMs);
    const outcomes = entries.map((entry) => answer.outcomes[open.indexOf(entry)] ?? outcomeOf(entry, nowMs));
    return { ...answer, outcomes };
  }

  /** Waits for another's call. It may have died with its request: the wait is this one's own. */
  async function isAnswered(call: LeaseCall, deadline: Deadline): Promise<boolean> {
    const wait = newWait();
    try {
      return await deadline.race(wait.race(call.done));
    } catch {
      // With the time up, it was this one that could wait no longer.
      if (!deadline.isUp()) call.isOver = true;
      return false;
    } finally {
      wait.clear();
    }
  }

  /**
   * The call may take longer than the request waits, for what comes late can be used as well: else a store that is behind
   * with its work would do all of it for nobody, and isolates without permits would go on asking.
   */
  async function takeInTime(open: readonly Entry[], deadline: Deadline): Promise<TakeAnswer> {
    if (deadline.isUp()) return unanswered(open);
    if (!open.every(({ lease }) => lease)) return take(open, deadline);
    const own = newDeadline();
    const taking = take(open, own).finally(() => own.clear());
    try {
      return await deadline.race(taking);
    } catch (error) {
      if (!deadline.isUp()) throw error;
      waitUntil(uncounted(taking));
      return unanswered(open);
    }
  }

  /** What a request gets that can wait no longer. It says nothing about the store. */
  const unanswered = (open: readonly Entry[]): Promise<TakeAnswer> =>
    store.take(
      open.map(({ charge }) => charge),
      SPENT_DEADLINE,
    );

  /** Takes back what this isolate counted by itself for a call that failed when no request waited for it any more. */
  async function uncounted(taking: Promise<TakeAnswer>): Promise<void> {
    try {
      const local = (await taking).receipts.filter(({ isLocal }) => isLocal);
      const settlements = local.map((receipt) => ({ receipt, cost: 0 }));
      if (local.length > 0) await store.settle(settlements, SPENT_DEADLINE);
    } catch {
      // There was nothing to count.
    }
  }

  /** Asks the store, for later use too. What it brings beyond the costs others may wait for. */
  function take(entries: readonly Entry[], deadline: Deadline, forLater = 0): Promise<TakeAnswer> {
    const askedMs = now();
    const wanted = entries.map(({ charge, lease }): StoreCharge => {
      const ahead = lease?.ahead(askedMs);
      if (forLater === 0) lease?.plan.note(charge.cost, askedMs);
      return ahead ? { ...charge, ahead } : charge;
    });
    const over = () => {
      call.isOver = true;
    };
    const taking = store.take(wanted, deadline).then((answer) => {
      over();
      return booked({ entries, wanted, askedMs, forLater }, answer);
    });
    const done = taking.then(isCounted, () => {
      over();
      return false;
    });
    const call: LeaseCall = { done, isOver: false, waiting: 0 };
    // Also when it takes nothing ahead: what comes meanwhile then asks once, for all.
    for (const { lease } of entries) if (lease && !lease.isAsking) lease.call = call;
    waitUntil(done);
    return taking;
  }

  /** Puts in hand what an answer brought, and remembers what it refused. */
  function booked({ entries, wanted, askedMs, forLater }: Asked, answer: TakeAnswer): TakeAnswer {
    const nowMs = now();
    const outcomes = answer.outcomes.map((outcome, i): Outcome => {
      const { lease, charge } = entries[i] as Entry;
      if (!lease) return outcome;
      leases.set(quotaKey(charge), lease);
      const decision = outcome.kind === "decided" ? outcome.decision : undefined;
      const isCharged = answer.admitted && decision?.allowed !== false;
      if (!isCharged && forLater === 0) lease.plan.note(-charge.cost, nowMs);
      if (!decision) {
        if (outcome.kind !== "unasked") lease.failed(askedMs, nowMs, random());
        return outcome;
      }
      lease.decided(
        { charge: wanted[i] ?? charge, decision, isCounted: isCharged, forLater, askedMs },
        nowMs,
      );
      return decision.allowed
        ? outcome
        : { kind: "decided", decision: believe(lease, charge, decision, { askedMs, isFinal: answer.final }) };
    });
    // What was taken ahead is in hand: nobody is to give it back.
    const receipts = answer.receipts.filter(({ charge }) => !charge.ahead);
    return { ...answer, outcomes, receipts };
  }

  /** A refusal, longer by some time, so that all who hold permits of the key do not ask again at once. */
  function believe(
    lease: Lease,
    charge: StoreCharge,
    refusal: Decision,
    { askedMs, isFinal }: { readonly askedMs: number; readonly isFinal: boolean },
  ): Decision {
    const retryAfterMs = lease.plan.refused(refusal, random(), askedMs);
    const moreRoomMs = retryAfterMs > refusal.retryAfterMs ? retryAfterMs : refusal.moreRoomMs;
    const decision = { ...refusal, retryAfterMs, moreRoomMs };
    believed.remember(charge, decision, askedMs, isFinal ? MAX_BELIEVED_MS : MAX_TENTATIVE_MS);
    return decision;
  }

  /** Asks in the background before a steady caller would have to wait. */
  function topUp(entries: readonly Entry[], nowMs: number): void {
    const due = entries.flatMap(({ charge, lease, refusal }): Entry[] => {
      if (refusal || !lease?.isDue(nowMs)) return [];
      const one = { ...charge, cost: 1 };
      return refusalOf(one) ? [] : [{ charge: one, lease }];
    });
    if (due.length === 0) return;
    const deadline = newDeadline();
    waitUntil(uncounted(take(due, deadline, 1).finally(() => deadline.clear())));
  }

  return {
    take(charges, deadline, tentative) {
      const entries = charges.map(entryOf);
      if (!entries.some(({ lease }) => lease)) return store.take(charges, deadline, tentative);
      const nowMs = now();
      serve(entries, refusalOf, nowMs);
      const answer = answerOf(entries, nowMs);
      if (!answer) return ask(entries, deadline);
      onOwn(answer.admitted);
      if (answer.admitted) topUp(entries, nowMs);
      return Promise.resolve(answer);
    },
    settle: (settlements, deadline) => store.settle(settlements, deadline),
  };
}

/** Whether the store itself decided something. */
const isCounted = ({ outcomes }: TakeAnswer): boolean => outcomes.some(({ kind }) => kind === "decided");
