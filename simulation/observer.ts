import type { Charge, Decision, Receipt } from "../src/limit/charge.ts";
import type { Settlement } from "../src/limit/settle.ts";
import type { TakeReply } from "../src/store/counter-protocol.ts";
import type { StoreCharge } from "../src/store/store.ts";
import type { Census } from "./census.ts";
import type { Counted } from "./count-model.ts";
import { type CountWatch, createWatches, isHeldAhead } from "./count-watch.ts";
import { chargeText, type History } from "./history.ts";
import { checkNumbers, checkRoom } from "./honest-numbers.ts";
import { createKeyTimes } from "./key-times.ts";
import type { Call, SimulatedRequest } from "./requests.ts";
import type { StoreHost, Witness } from "./store-host.ts";
import type { Use } from "./use-log.ts";

/** A promise that was broken. */
export interface Violation {
  readonly promise: number;
  readonly key: string;
  readonly text: string;
}

/** Knows everything that happens in a world, and what was promised. */
export interface Observer extends Witness {
  begin(request: SimulatedRequest | undefined, charges: readonly Charge[], isTake: boolean): Call;
  violations(): readonly Violation[];
  report(promise: number, key: string, text: string): void;
  /** Something of a leased count was let through on permits, from so long ago to so long ago. */
  usedPermits(charge: StoreCharge, host: StoreHost, fromAgoMs: number, toAgoMs: number): void;
  /** What a call admitted ahead was let through when the store counted it. */
  usedOwn(charge: StoreCharge, call: Call): void;
  /** Whether a store would refuse this now, by all that was counted. */
  wouldRefuse(charge: Charge, host: StoreHost): boolean;
  /** From then on, by their stores' time, nothing counts any more. */
  liveUntilMs(): number;
  /** Units that a request was charged and that still stand. */
  standingOf(request: SimulatedRequest): number;
}

/** What an admission left with the observer. */
interface Entry {
  readonly watch: CountWatch;
  readonly counted: Counted;
  readonly use: Use | undefined;
  /** True time. */
  readonly atMs: number;
}

export interface ObserverParts {
  readonly history: History;
  readonly census: Census;
  /** True time. */
  readonly nowMs: () => number;
  /** The longest that a request may take to give an admission back. */
  readonly timeoutMs: number;
}

/** The longest that an isolate remembers a refusal. */
const MAX_KNOWN_MS = 10_000;

export function createObserver({ history, census, nowMs, timeoutMs }: ObserverParts): Observer {
  const violations: Violation[] = [];
  const watches = createWatches();
  const times = createKeyTimes();
  const calls = new Map<number, Call>();
  const entries = new WeakMap<Receipt, Entry>();
  const charged = new Map<SimulatedRequest, Counted[]>();

  function report(promise: number, key: string, text: string): void {
    violations.push({ promise, key, text });
    history.note(key, () => `PROMISE ${promise} BROKEN: ${text}`);
  }

  function checkUse({ uses, quota, exemptUntilMs }: CountWatch, charge: Charge, use: Use | undefined): void {
    const worst = !use || use.toMs < exemptUntilMs ? 0 : (uses?.worstAround(use) ?? 0);
    if (worst > quota.limit)
      report(1, charge.key, `${charge.count} let ${worst} through in a window, limit ${quota.limit}`);
  }

  /** What meant nothing any more may have been deleted; then the clock was set back behind that. */
  function doubtDeleted(key: string, { clock }: StoreHost): void {
    const liveUntilMs = watches.liveUntilMs(key);
    if (clock.nowMs() >= liveUntilMs || liveUntilMs > clock.highestMs()) return;
    watches.doubt(key, liveUntilMs);
    times.forget(key);
  }

  function checkTime(charge: Charge, { nowMs }: Decision, host: StoreHost): void {
    const isKept =
      watches.liveUntilMs(charge.key) > Math.max(host.clock.highestMs(), times.newestMs(charge.key));
    const { soonestMs, latestMs } = times.bounds(charge.key, host.clock.nowMs(), isKept);
    if (nowMs < soonestMs || nowMs > latestMs)
      report(5, charge.key, `decided at ${nowMs}, which is not between ${soonestMs} and ${latestMs}`);
  }

  /** Counts one admitted charge. */
  function admit(call: Call | undefined, charge: Charge, decision: Decision, receipt: Receipt | undefined) {
    const watch = watches.of(charge);
    const { nowMs: storeMs, permits = 0 } = decision;
    const isAhead = isHeldAhead(charge);
    const timeMs = storeMs + (isAhead ? (charge.ahead?.holdMs ?? 0) : 0);
    const counted = watch.model.add(storeMs, charge.cost + permits, timeMs);
    // What is taken ahead may be for later: it counts as let through when it is.
    const use = isAhead ? undefined : watch.uses?.add(storeMs, storeMs, charge.cost);
    checkUse(watch, charge, use);
    times.admitted(charge.key, storeMs);
    if (receipt) entries.set(receipt, { watch, counted, use, atMs: nowMs() });
    if (call?.request && !isAhead) {
      const own = charged.get(call.request) ?? [];
      own.push(counted);
      charged.set(call.request, own);
    }
    return { watch, counted, use, charge, storeMs };
  }

  return {
    begin(request, charges, isTake) {
      const call: Call = { id: calls.size, request, isTake, charges, begunMs: nowMs(), isAnswered: false };
      calls.set(call.id, call);
      request?.calls.push(call);
      return call;
    },

    decided(callId, charges, reply, host) {
      const call = calls.get(callId);
      note(callId, charges, reply);
      for (const [i, charge] of charges.entries()) {
        const decision = reply.decisions[i] as Decision;
        doubtDeleted(charge.key, host);
        checkTime(charge, decision, host);
        checkRoom(watches.of(charge), charge, decision, report);
      }
      const counted = charges.filter((_, i) => reply.admitted && reply.decisions[i]?.allowed);
      if (counted.length !== reply.receipts.length)
        report(2, "-", "receipts are not those of what was counted");
      const admitted = counted.map((charge, i) =>
        admit(call, charge, reply.decisions[charges.indexOf(charge)] as Decision, reply.receipts[i]),
      );
      if (call) call.decidedMs = reply.decisions[0]?.nowMs ?? 0;
      checkNumbers(charges, reply, { watches, host, report, census });
      return () => {
        const isDurable = charges.some(({ durable }) => durable);
        for (const { watch, counted, use, charge, storeMs } of admitted) {
          watch.model.remove(counted);
          if (use && isDurable) use.cost = 0;
          watches.forget(charge, storeMs, isDurable);
          times.forget(charge.key);
        }
      };
    },

    settled(callId, settlements, host) {
      const undo = settlements.flatMap((settlement) => settle(callId, settlement, host));
      return () => {
        for (const restore of undo) restore();
      };
    },

    lostMemory(key) {
      if (times.wasBusy(key)) {
        watches.restarted(key, times.newestMs(key));
        times.forget(key);
      }
    },

    wroteRefusal(charges) {
      if (charges.every(({ lockout }) => lockout === undefined))
        report(2, charges[0]?.key ?? "-", "a refusal changed what is stored");
    },

    usedPermits(charge, host, fromAgoMs, toAgoMs) {
      const watch = watches.of(charge);
      const storeMs = times.at(charge.key, host.clock.nowMs());
      checkUse(watch, charge, watch.uses?.add(storeMs - fromAgoMs, storeMs - toAgoMs, charge.cost));
    },

    usedOwn(charge, { decidedMs = 0 }) {
      const watch = watches.of(charge);
      checkUse(watch, charge, watch.uses?.add(decidedMs, decidedMs, charge.cost));
    },

    wouldRefuse(charge, host) {
      doubtDeleted(charge.key, host);
      const { model, inexactUntilMs, roomCameLateMs } = watches.of(charge);
      const storeMs = times.at(charge.key, host.clock.nowMs());
      if (storeMs < inexactUntilMs || storeMs - roomCameLateMs < MAX_KNOWN_MS) return true;
      return model.knownRoom(storeMs) < charge.cost;
    },

    liveUntilMs: watches.lastMs,
    standingOf: (request) =>
      (charged.get(request) ?? []).reduce((sum, { left, settled = left }) => sum + settled, 0),
    violations: () => violations,
    report,
  };

  function nameOf(callId: number): string {
    const { request } = calls.get(callId) ?? {};
    return request ? `call ${callId} of request ${request.id}` : `call ${callId}`;
  }

  function note(callId: number, charges: readonly Charge[], { admitted, decisions }: TakeReply): void {
    const what = admitted ? "admitted" : "refused";
    history.note(charges[0]?.key ?? "-", () => {
      const shown = charges.map((charge, i) => chargeText(charge, decisions[i] as Decision));
      return `store ${what} ${nameOf(callId)} at ${decisions[0]?.nowMs}: ${shown.join("; ")}`;
    });
    census.count(`${what} by store`);
  }

  function settle(callId: number, { receipt, cost }: Settlement, host: StoreHost): (() => void)[] {
    const entry = entries.get(receipt);
    const { charge } = receipt;
    if (!entry) {
      report(2, charge.key, "a settlement of what was never admitted");
      return [];
    }
    const { watch, counted, use, atMs } = entry;
    doubtDeleted(charge.key, host);
    const storeMs = times.at(charge.key, host.clock.nowMs());
    const kind = cost === 0 ? "given back" : cost < charge.cost ? "refunded" : "charged more";
    census.count(kind);
    history.note(
      charge.key,
      () => `store ${kind} ${nameOf(callId)}: ${charge.count} ${charge.cost} -> ${cost}`,
    );
    if (cost > charge.cost) {
      const extra = watch.model.add(storeMs, cost - charge.cost, storeMs);
      times.settled(charge.key, storeMs);
      return [() => watch.model.remove(extra), () => watches.forget(charge, storeMs, charge.durable)];
    }
    counted.settled = cost;
    const isLate = nowMs() - atMs > timeoutMs;
    if (isLate) watch.roomCameLateMs = storeMs;
    const undo = watch.model.refund(counted, cost, storeMs);
    if (undo) times.settled(charge.key, storeMs);
    if (use) use.cost = Math.min(use.cost, cost);
    return [() => undo?.(), () => watches.forget(charge, storeMs, true)];
  }
}
