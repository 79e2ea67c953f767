import type { Charge } from "../src/limit/charge.ts";
import type { takeAll } from "../src/limit/take.ts";
import type { CounterCore } from "../src/store/counter.ts";
import type { KnownRefusals } from "../src/store/known-refusals.ts";

/** Breaks parts of Weir on purpose, to see that the observer finds it. Each wraps the real part. */
export interface Sabotage {
  readonly counter?: (core: CounterCore) => CounterCore;
  readonly script?: (take: typeof takeAll) => typeof takeAll;
  readonly known?: (known: KnownRefusals) => KnownRefusals;
}

export const NO_SABOTAGE: Sabotage = {};

/** What is taken ahead counts from its asking, not from the end of the time in which it may be used. */
const countedAtAsking = (charges: readonly Charge[]): Charge[] =>
  charges.map((charge) => (charge.ahead ? { ...charge, ahead: { ...charge.ahead, holdMs: 0 } } : charge));

export const BATCH_END_IGNORED: Sabotage = {
  counter: (core) => ({
    ...core,
    take: (message) => core.take({ ...message, charges: countedAtAsking(message.charges) }),
  }),
  script: (take) => (records, charges, nowMs) => take(records, countedAtAsking(charges), nowMs),
};

/** A refusal is believed a second longer than the store said. */
export const REFUSAL_CACHED_TOO_LONG: Sabotage = {
  known: (known) => ({
    ...known,
    remember: (charge, decision, askedMs) =>
      known.remember(charge, { ...decision, retryAfterMs: decision.retryAfterMs + 1_000 }, askedMs),
  }),
};

/** A refused take still charges what had room. */
export const ALL_OR_NOTHING_DROPPED: Sabotage = {
  counter: (core) => ({
    ...core,
    take(message) {
      const reply = core.take(message);
      if (reply.admitted) return reply;
      const charges = message.charges.filter((_, i) => reply.decisions[i]?.allowed);
      if (charges.length > 0) core.take({ ...message, charges });
      return reply;
    },
  }),
  script: (take) => (records, charges, nowMs) => {
    const taken = take(records, charges, nowMs);
    if (taken.admitted) return taken;
    const allowed = charges.filter((_, i) => taken.decisions[i]?.allowed);
    return { ...taken, changed: take(records, allowed, nowMs).changed };
  },
};
