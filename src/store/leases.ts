import type { Decision } from "../limit/charge.ts";
import { BoundedMap } from "./bounded-map.ts";
import { type Deadline, SPENT_DEADLINE } from "./deadline.ts";
import type { Batch } from "./held-permits.ts";
import { createKnownRefusals, quotaKey } from "./known-refusals.ts";
import { Lease, type LeaseCall } from "./lease.ts";
import { LeasePlan } from "./lease-plan.ts";
import type { Outcome, Store, StoreCharge, TakeAnswer, WaitUntil } from "./store.ts";

export interface LeaseParts {
  readonly now: () => number;
  /** The longest that a call in the background may take. */
  readonly newDeadline: () => Deadline;
  /** The longest that a request waits for another's call: shorter than its deadline, so that it can still repeat it. */
  readonly newWait: () => Deadline;
  readonly waitUntil: WaitUntil;
  /** From 0 up to 1. Spreads over time what would come back together. */
  readonly random: () => number;
}

/** Of a lease that is dropped, what is in hand comes to its end unused. */
const MAX_LEASES = 10_000;
const MAX_BELIEVED_MS = 10_000;
/** How many calls of others one request waits for, and how many of them may fail. */
const MAX_WAITS = 4;
const MAX_FAILURES = 2;

/** A charge, and what has become of it without asking the store. */
interface Entry {
  readonly charge: StoreCharge;
  readonly lease: Lease | undefined;
  paidFrom?: Batch | undefined;
  refusal?: Decision | undefined;
}

const isOpen = ({ paidFrom, refusal }: Entry): boolean => !paidFrom && !refusal;
const decided = (decision: Decision): Outcome => ({ kind: "decided", decision });
const UNASKED: Outcome = { kind: "unasked" };

/**
 * Pays leased charges with permits that this isolate took ahead, so that most requests need no store call. What is
 * not in hand, or not leased, is asked for in one call; should that refuse, what was paid is put back.
 */
export function withLeases(
  store: Store,
  { now, newDeadline, newWait, waitUntil, random }: LeaseParts,
): Store {
  const leases = new BoundedMap<string, Lease>(MAX_LEASES);
  /** Refusals of leased quotas, of shadows and of calls in the background too. */
  const believed = createKnownRefusals(now);

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

  /** Pays, or refuses, what it can without asking. */
  function serve(entries: readonly Entry[], nowMs: number): void {
    for (const entry of entries) {
      const { charge, lease } = entry;
      if (!lease || !isOpen(entry)) continue;
      entry.paidFrom = lease.held.pay(charge.cost, nowMs);
      if (!entry.paidFrom) entry.refusal = believed.find(charge, MAX_BELIEVED_MS);
    }
  }

  /** The answer when no charge has to be asked for: all are paid, or one is refused. */
  function answerOf(entries: readonly Entry[], nowMs: number): TakeAnswer | undefined {
    const isRefused = entries.some(({ charge, refusal }) => refusal && !charge.shadow);
    if (!isRefused && entries.some(isOpen)) return undefined;
    conclude(entries, !isRefused, nowMs);
    const outcomes = entries.map((entry): Outcome => {
      if (entry.refusal) return decided(entry.refusal);
      return entry.lease && !isRefused ? decided(entry.lease.standing(nowMs)) : UNASKED;
    });
    return { admitted: !isRefused, outcomes, receipts: [], final: false };
  }

  function conclude(entries: readonly Entry[], admitted: boolean, nowMs: number): void {
    for (const { charge, lease, paidFrom } of entries) {
      if (!lease || !paidFrom) continue;
      if (admitted) lease.plan.note(charge.cost, nowMs);
      else lease.held.putBack(charge.cost, paidFrom, nowMs);
    }
  }

  async function ask(entries: readonly Entry[], deadline: Deadline): Promise<TakeAnswer> {
    let failures = 0;
    for (let waits = 0; waits < MAX_WAITS && failures < MAX_FAILURES && !deadline.isUp(); waits++) {
      const asking = entries.find((entry) => isOpen(entry) && entry.lease?.isAsking);
      if (!asking?.lease?.call) break;
      if (!(await isAnswered(asking.lease.call, asking.charge.cost, deadline))) failures += 1;
      const nowMs = now();
      serve(entries, nowMs);
      const answer = answerOf(entries, nowMs);
      if (answer) return answer;
    }
    const open = entries.filter(isOpen);
    const answer = await take(open, failures < MAX_FAILURES ? deadline : SPENT_DEADLINE);
    const nowMs = now();
    conclude(entries, answer.admitted, nowMs);
    const outcomes = entries.map((entry): Outcome => {
      const { lease, refusal } = entry;
      if (refusal) return decided(refusal);
      return answer.outcomes[open.indexOf(entry)] ?? (lease ? decided(lease.standing(nowMs)) : UNASKED);
    });
    return { ...answer, outcomes };
  }

  /** Waits for another's call. It may have died with its request: the wait is this one's own. */
  async function isAnswered(call: LeaseCall, cost: number, deadline: Deadline): Promise<boolean> {
    const wait = newWait();
    call.waiting += cost;
    try {
      return await deadline.race(wait.race(call.done));
    } catch {
      call.isOver = true;
      return false;
    } finally {
      call.waiting -= cost;
      wait.clear();
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
    const taking = store.take(wanted, deadline).then((answer) => {
      over();
      return booked(entries, wanted, answer, askedMs, forLater);
    });
    const call: LeaseCall = { done: taking.then(isCounted, () => false), isOver: false, waiting: 0 };
    const over = () => {
      call.isOver = true;
    };
    for (const [i, { lease }] of entries.entries()) if (lease && wanted[i]?.ahead) lease.call = call;
    taking.catch(over);
    waitUntil(call.done);
    return taking;
  }

  /** Puts in hand what an answer brought, and remembers what it refused. */
  function booked(
    entries: readonly Entry[],
    wanted: readonly StoreCharge[],
    answer: TakeAnswer,
    askedMs: number,
    forLater: number,
  ): TakeAnswer {
    const nowMs = now();
    const outcomes = answer.outcomes.map((outcome, i) => {
      const { lease, charge } = entries[i] as Entry;
      if (!lease) return outcome;
      leases.set(quotaKey(charge), lease);
      if (outcome.kind !== "decided") {
        if (outcome.kind !== "unasked") lease.failed(nowMs);
        return outcome;
      }
      const { decision } = outcome;
      const counted = answer.admitted && decision.allowed;
      lease.decided(wanted[i] as StoreCharge, decision, counted, askedMs, nowMs, forLater);
      if (!counted && forLater === 0) lease.plan.note(-charge.cost, nowMs);
      return decision.allowed ? outcome : decided(believe(lease, charge, decision, askedMs));
    });
    // What was taken ahead is in hand: nobody is to give it back.
    const receipts = answer.receipts.filter(({ charge }) => !charge.ahead);
    return { ...answer, outcomes, receipts };
  }

  /** A refusal, longer by some time, so that all who hold permits of the key do not ask again at once. */
  function believe(lease: Lease, charge: StoreCharge, refusal: Decision, askedMs: number): Decision {
    const retryAfterMs = lease.plan.refused(refusal, random(), askedMs);
    const moreRoomMs = retryAfterMs > refusal.retryAfterMs ? retryAfterMs : refusal.moreRoomMs;
    const decision = { ...refusal, retryAfterMs, moreRoomMs };
    believed.remember(charge, decision, askedMs);
    return decision;
  }

  /** Asks in the background before a steady caller would have to wait. */
  function topUp(entries: readonly Entry[], nowMs: number): void {
    const due = entries.flatMap(({ charge, lease, refusal }): Entry[] => {
      if (refusal || !lease?.isDue(nowMs)) return [];
      const one = { ...charge, cost: 1 };
      return believed.find(one, MAX_BELIEVED_MS) ? [] : [{ charge: one, lease }];
    });
    if (due.length === 0) return;
    const deadline = newDeadline();
    take(due, deadline, 1)
      .catch(() => {})
      .finally(() => deadline.clear());
  }

  return {
    take(charges, deadline, tentative) {
      const entries = charges.map(entryOf);
      if (!entries.some(({ lease }) => lease)) return store.take(charges, deadline, tentative);
      const nowMs = now();
      serve(entries, nowMs);
      const answer = answerOf(entries, nowMs);
      if (!answer) return ask(entries, deadline);
      if (answer.admitted) topUp(entries, nowMs);
      return Promise.resolve(answer);
    },
    settle: (settlements, deadline) => store.settle(settlements, deadline),
  };
}

/** Whether the store itself decided something. */
const isCounted = ({ outcomes }: TakeAnswer): boolean => outcomes.some(({ kind }) => kind === "decided");
