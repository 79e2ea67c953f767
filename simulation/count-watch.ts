import type { Charge } from "../src/limit/charge.ts";
import type { Quota } from "../src/limit/quota.ts";
import { type CountModel, createCountModel } from "./count-model.ts";
import { createUseLog, type UseLog } from "./use-log.ts";

/** All that the observer knows of one count under one key. */
export interface CountWatch {
  readonly quota: Quota;
  readonly model: CountModel;
  /** Only where permits are held. */
  readonly uses: UseLog | undefined;
  /** Until then, by the store's time, a crash may have made it forget what it had admitted. */
  exemptUntilMs: number;
  /** Until then the store may know less room than there is: permits, a crash, a reserve after a restart. */
  inexactUntilMs: number;
  /** The store's time at which something was given back later than a request may take for that: refusals were final by then. */
  roomCameLateMs: number;
}

export interface Watches {
  of(charge: Charge): CountWatch;
  ofKey(key: string): Iterable<CountWatch>;
  /** From then on nothing under a key stands. */
  liveUntilMs(key: string): number;
  /** From then on nothing stands. */
  lastMs(): number;
  /** The store may have deleted what was over, and its clock was set back behind that: until it is over again. */
  doubt(key: string, untilMs: number): void;
  /** A busy object was restarted: what it had reserved counts. */
  restarted(key: string, nowMs: number): void;
  /** A crash has made the store forget what it counted of this. */
  forget(charge: Charge, nowMs: number, isDurable: boolean): void;
}

/** The longest that permits, or a reserve, count ahead. */
const MAX_AHEAD_MS = 10_000;

/** The longest that an object reserves something for itself. */
const RESERVE_MS = 1_000;

/** Whether a charge counts from later on than the store's instant. */
export const isHeldAhead = ({ ahead, quota }: Charge): boolean =>
  ahead !== undefined && quota.algorithm === "sliding-window";

export const isLeased = (charge: Charge): boolean => "lease" in charge && charge.lease === true;

export function createWatches(): Watches {
  const keys = new Map<string, Map<string, CountWatch>>();
  const ofKey = (key: string) => keys.get(key)?.values() ?? [];

  function create(charge: Charge): CountWatch {
    const { quota } = charge;
    const uses = isLeased(charge) ? createUseLog(quota) : undefined;
    const inexactUntilMs = uses ? Number.POSITIVE_INFINITY : 0;
    return {
      quota,
      model: createCountModel(quota),
      uses,
      exemptUntilMs: 0,
      inexactUntilMs,
      roomCameLateMs: 0,
    };
  }

  function of(charge: Charge): CountWatch {
    const own = keys.get(charge.key) ?? new Map<string, CountWatch>();
    keys.set(charge.key, own);
    const watch = own.get(charge.count) ?? create(charge);
    own.set(charge.count, watch);
    return watch;
  }

  const liveUntilMs = (key: string): number => {
    let endMs = 0;
    for (const { model } of ofKey(key)) endMs = Math.max(endMs, model.liveUntilMs());
    return endMs;
  };

  return {
    of,
    ofKey,
    liveUntilMs,
    lastMs: () => Math.max(0, ...[...keys.keys()].map(liveUntilMs)),
    restarted(key, nowMs) {
      for (const watch of ofKey(key))
        distrust(watch, Math.max(watch.model.liveUntilMs(), nowMs + watch.quota.windowMs) + 2 * RESERVE_MS);
    },
    doubt(key, untilMs) {
      for (const watch of ofKey(key)) {
        distrust(watch, untilMs);
        exempt(watch, untilMs);
      }
    },
    forget(charge, nowMs, isDurable) {
      const endMs = Math.max(of(charge).model.liveUntilMs(), nowMs + charge.quota.windowMs) + MAX_AHEAD_MS;
      // They are one value: the others under the key go back with it.
      for (const watch of ofKey(charge.key)) distrust(watch, endMs);
      if (!isDurable) exempt(of(charge), endMs);
    },
  };
}

/** What a busy bucket owes too much, or too little, it owes for as long as it is busy. */
const endOf = ({ quota }: CountWatch, untilMs: number): number =>
  quota.algorithm === "token-bucket" ? Number.POSITIVE_INFINITY : untilMs;

function distrust(watch: CountWatch, untilMs: number): void {
  watch.inexactUntilMs = Math.max(watch.inexactUntilMs, endOf(watch, untilMs));
}

function exempt(watch: CountWatch, untilMs: number): void {
  watch.exemptUntilMs = Math.max(watch.exemptUntilMs, endOf(watch, untilMs));
}
