import type { Receipt } from "../limit/charge.ts";
import type { Settlement } from "../limit/settle.ts";
import { BoundedMap } from "./bounded-map.ts";
import type { Deadline } from "./deadline.ts";
import type { Store, WaitUntil } from "./store.ts";

/** What is under way in this isolate and counts at the same time: requests and sockets. */
export interface Slots {
  /**
   * Keeps what was admitted until it is released. Slots are renewed while they are held; those of an isolate that dies expire.
   * To be called where a timer runs as long as what is under way: in its own request.
   */
  hold(receipts: readonly Receipt[]): Hold;
  /** When the next slot of a count is likely to be free, by how long they were held lately. Milliseconds. */
  expectedWaitMs(count: string, limit: number): number;
}

export interface Hold {
  /** Gives the slots back. Later calls do nothing. */
  release(): void;
}

export interface SlotsParts {
  readonly store: Pick<Store, "settle">;
  readonly now: () => number;
  readonly renewMs: number;
  readonly newDeadline: () => Deadline;
  readonly waitUntil: WaitUntil;
}

interface Slot {
  receipt: Receipt;
  /** When it was last known to be renewed, or tried to be. */
  renewedMs: number;
  /** When the timer of what holds it last fired: the runtime may end a request without a word. */
  aliveMs: number;
  /** Ends when a renewal under way has ended. */
  renewing: Promise<void> | undefined;
}

/** Renewed in one call at most: scripts take so many arguments, requests may make so many calls. */
const MAX_AT_ONCE = 100;

/** How much of a mean a single holding time is: the newest ten or so make it. */
const WEIGHT = 0.2;
const MAX_MEANS = 10_000;
/** Timers of one isolate do not fire at the same moment: the first renews what the next would. */
const EARLY = 0.5;
/** Without a sign of life for so many intervals, what holds a slot is dead. */
const MAX_SILENT_INTERVALS = 2;

export function createSlots({ store, now, renewMs, newDeadline, waitUntil }: SlotsParts): Slots {
  /** Renewed longest ago first. */
  const live = new Set<Slot>();
  const meanHoldMs = new BoundedMap<string, number>(MAX_MEANS);

  async function settle(settlements: readonly Settlement[]) {
    const deadline = newDeadline();
    try {
      return await store.settle(settlements, deadline);
    } finally {
      deadline.clear();
    }
  }

  /** The slots that are due. Each has a timer of its own, so what is too much for one call is left to the next. */
  function dueSlots(): Slot[] {
    const due: Slot[] = [];
    for (const slot of live) {
      if (due.length === MAX_AT_ONCE || now() - slot.renewedMs < renewMs * EARLY) break;
      if (now() - slot.aliveMs > renewMs * MAX_SILENT_INTERVALS) live.delete(slot);
      else due.push(slot);
    }
    return due;
  }

  function place(slot: Slot, renewedMs: number): void {
    slot.renewedMs = renewedMs;
    // Unless it was released meanwhile.
    if (live.delete(slot)) live.add(slot);
  }

  /** Renews what is due in the isolate: whichever timer fires first does it for all, in one call. */
  function renewDue(): void {
    const due = dueSlots();
    if (due.length === 0) return;
    const renewing = renew(due).catch(() => {});
    for (const slot of due) {
      place(slot, now());
      slot.renewing = renewing;
    }
    waitUntil(renewing);
  }

  async function renew(slots: readonly Slot[]): Promise<void> {
    const standings = await settle(slots.flatMap(({ receipt }) => renewal(receipt)));
    for (const [i, slot] of slots.entries()) {
      const standing = standings[2 * i + 1];
      // Without an answer its old receipt is as good: what a refund takes of another's entry, that one finds in its own.
      if (standing) slot.receipt = { ...slot.receipt, timeMs: standing.nowMs };
    }
  }

  async function release(slots: readonly Slot[]): Promise<void> {
    const deadline = newDeadline();
    // A renewal may never end: it dies with the request whose timer fired.
    await deadline.race(Promise.all(slots.map(({ renewing }) => renewing))).catch(() => {});
    deadline.clear();
    await settle(slots.map(({ receipt }) => ({ receipt, cost: 0 })));
  }

  function noteHold({ charge }: Receipt, heldMs: number): void {
    const mean = meanHoldMs.get(charge.count) ?? heldMs;
    meanHoldMs.set(charge.count, mean + WEIGHT * (heldMs - mean));
  }

  return {
    hold(receipts) {
      const startedMs = now();
      const slots = receipts.map(
        (receipt): Slot => ({ receipt, renewedMs: startedMs, aliveMs: startedMs, renewing: undefined }),
      );
      for (const slot of slots) live.add(slot);
      const tick = () => {
        for (const slot of slots) {
          slot.aliveMs = now();
          // It may have been taken for dead while the whole isolate stood still.
          live.add(slot);
        }
        renewDue();
      };
      const timer = slots.length > 0 ? setInterval(tick, renewMs) : undefined;
      let isHeld = slots.length > 0;
      return {
        release() {
          if (!isHeld) return;
          isHeld = false;
          if (timer !== undefined) clearInterval(timer);
          for (const slot of slots) {
            live.delete(slot);
            noteHold(slot.receipt, now() - startedMs);
          }
          waitUntil(release(slots).catch(() => {}));
        },
      };
    },

    expectedWaitMs: (count, limit) => Math.max(1_000, (meanHoldMs.get(count) ?? 0) / limit),
  };
}

/** A slot given back and taken anew at the instant of the call, whether or not there is room: one that had expired comes back. */
function renewal(receipt: Receipt): Settlement[] {
  const anew = { ...receipt, charge: { ...receipt.charge, cost: 0 } };
  return [
    { receipt, cost: 0 },
    { receipt: anew, cost: receipt.charge.cost },
  ];
}
