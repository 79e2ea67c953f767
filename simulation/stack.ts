import type { Clock } from "../src/clock.ts";
import { createBreaker } from "../src/store/breaker.ts";
import { createDeadline } from "../src/store/deadline.ts";
import { refusalOf, withKnownRefusals } from "../src/store/edge-cache.ts";
import { withGuard } from "../src/store/guard.ts";
import { createKeyedStores } from "../src/store/keyed-stores.ts";
import type { KnownRefusals } from "../src/store/known-refusals.ts";
import { createLadder, type Ladder } from "../src/store/ladder.ts";
import { leaseCallMs, withLeases } from "../src/store/leases.ts";
import type { Store, StoreCharge, TakeAnswer, WaitUntil } from "../src/store/store.ts";

/** What keeps the counts: one store for all keys, or one for each. */
export type Backend =
  | { readonly kind: "whole"; readonly store: Store }
  | { readonly kind: "keyed"; readonly storeOf: (key: string) => Store };

export interface StackParts {
  /** Counts while the backend fails. */
  readonly local: Store;
  readonly known: KnownRefusals;
  readonly now: Clock;
  readonly storeTimeoutMs: number;
  readonly waitUntil: WaitUntil;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** A call that failed, in a few words. */
  readonly report: (reason: string) => void;
}

/** What an isolate asks. One for each isolate. */
export interface Stack {
  readonly store: Store;
  /** The answer when one of the charges is known to be refused, without asking any store. */
  readonly knownRefusal: (charges: readonly StoreCharge[]) => TakeAnswer | undefined;
  readonly ladder: Ladder;
}

/** One broken object says nothing about the others. */
const MIN_FAILING_OBJECTS = 3;

/** A backend with the layers around it: known refusals and leases in front, the failure ladder behind. */
export function createStack(backend: Backend, parts: StackParts): Stack {
  const { local, known, now, storeTimeoutMs, waitUntil, random, report } = parts;
  const ladder = createLadder(local, known);
  const breaker = createBreaker(now, backend.kind === "whole" ? 1 : MIN_FAILING_OBJECTS);
  const guarded = (store: Store, part: string) =>
    withGuard(store, part, { breaker, ladder, report, waitUntil });
  const store =
    backend.kind === "whole"
      ? guarded(backend.store, "store")
      : createKeyedStores((key) => guarded(backend.storeOf(key), key), now, waitUntil);
  const leased = withLeases(store, {
    now,
    newDeadline: () => createDeadline(leaseCallMs(storeTimeoutMs), now),
    // Half of the time, so that the other half is left to whoever repeats the call.
    newWait: () => createDeadline(storeTimeoutMs / 2, now),
    waitUntil,
    random,
  });
  return {
    store: withKnownRefusals(leased, known, now),
    knownRefusal: (charges) => refusalOf(charges, known),
    ladder,
  };
}
