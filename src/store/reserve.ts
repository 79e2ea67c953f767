import type { Charge } from "../limit/charge.ts";
import type { KeyRecord } from "../limit/key-record.ts";
import type { Quota } from "../limit/quota.ts";
import { isReservable, reservable, withReserve } from "../limit/reserve.ts";
import { HeldPermits } from "./held-permits.ts";
import { Pace } from "./pace.ts";

/** What a charge has just cost; 0 when something of it was given back. */
export interface Spent {
  readonly charge: Charge;
  readonly units: number;
}

/**
 * What the stored record of a busy key counts beyond the exact one in memory, so that not every admission has to be written:
 * permits that an object takes from itself. Nothing is decided by it while the object lives. After a restart all of it counts.
 *
 * Instants are those of the key, which never run back.
 */
export interface Reserve {
  /** Whether the stored record counts all of this already. To be asked once for everything that changes the exact one. */
  covers(spent: readonly Spent[], nowMs: number): boolean;
  /** The record to write: the exact one, and what the pace of about a second needs. In place of any reserve before. */
  renewed(exact: KeyRecord): KeyRecord;
}

/** Admissions per second from which on a key has a reserve: below, it would cost more than the writes it saves. */
const MIN_PACE = 3;

/**
 * The most that is reserved, as a part of what was admitted in about the last ten seconds: after a burst and a pause memory is
 * gone and all of the reserve counts, for nothing. A pace that lasts for as long reserves a whole second of it.
 */
const MAX_LATELY_SHARE = 1 / 8;
const LATELY_MS = 10_000;

/** A count that is charged, with its quota when it last was. */
interface Busy {
  readonly quota: Quota;
  readonly pace: Pace;
  readonly lately: Pace;
  readonly permits: HeldPermits;
}

export function createReserve(): Reserve {
  const admissions = new Pace();
  const counts = new Map<string, Busy>();

  function note({ charge: { count, quota }, units }: Spent, nowMs: number): void {
    const busy = counts.get(count) ?? {
      pace: new Pace(),
      lately: new Pace(LATELY_MS),
      permits: new HeldPermits(),
    };
    busy.pace.note(units, nowMs);
    busy.lately.note(units, nowMs);
    counts.set(count, { ...busy, quota });
  }

  return {
    covers(spent, nowMs) {
      const costs = new Map<string, number>();
      for (const { charge, units } of spent) costs.set(charge.count, (costs.get(charge.count) ?? 0) + units);
      const isHeld = spent.every(({ charge }) => {
        const busy = counts.get(charge.count);
        const held = busy?.permits.held(nowMs) ?? 0;
        // With another limit it would stand at another time.
        const isSame = busy?.quota.limit === charge.quota.limit;
        return isSame && isReservable(charge) && held > 0 && held >= (costs.get(charge.count) ?? 0);
      });
      for (const one of spent) if (isReservable(one.charge)) note(one, nowMs);
      if (spent.some(({ units }) => units > 0)) admissions.note(1, nowMs);
      if (spent.length === 0 || !isHeld) return false;
      for (const [count, units] of costs) counts.get(count)?.permits.pay(units, nowMs);
      return true;
    },

    renewed(exact) {
      const { atMs } = exact;
      for (const { permits } of counts.values()) permits.release();
      if (admissions.perSecond(atMs) <= MIN_PACE) return exact;
      let stored = exact;
      for (const [count, { quota, pace, lately, permits }] of counts) {
        const reserved = reservable(
          exact,
          count,
          quota,
          Math.min(pace.perSecond(atMs), lately.units(atMs) * MAX_LATELY_SHARE),
          atMs,
        );
        if (reserved.units === 0) continue;
        stored = withReserve(stored, count, quota, reserved, atMs);
        permits.add({ askedMs: atMs, ...reserved });
      }
      return stored;
    },
  };
}
