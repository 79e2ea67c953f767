import { type Counter, MESSAGE_FORMAT } from "./counter-protocol.ts";
import type { Store, StoreCharge, WaitUntil } from "./store.ts";

export interface CounterStoreOptions {
  /** The longest that a request may take to give an admission back, milliseconds. */
  readonly tentativeMs: number;
  /** The same of leased charges, whose calls may take longer than their requests wait. */
  readonly leasedTentativeMs: number;
  readonly waitUntil: WaitUntil;
}

/** The store of one key: its Durable Object, asked over RPC. `counter` gives a new stub for each call. */
export function createCounterStore(counter: () => Counter, options: CounterStoreOptions): Store {
  const { waitUntil } = options;
  const tentativeMsOf = (charges: readonly StoreCharge[]) =>
    charges.some(({ lease }) => lease) ? options.leasedTentativeMs : options.tentativeMs;
  return {
    async take(charges, _, tentative = false) {
      const tentativeMs = tentative ? tentativeMsOf(charges) : 0;
      const message = { format: MESSAGE_FORMAT, charges, tentativeMs } as const;
      const { admitted, decisions, receipts, final } = await counter().take(message);
      return {
        admitted,
        outcomes: decisions.map((decision) => ({ kind: "decided", decision })),
        receipts,
        final,
      };
    },
    async settle(settlements) {
      const reply = Promise.resolve(counter().settle({ format: MESSAGE_FORMAT, settlements }));
      // When the time is up the request is answered first, and what it has under way would be cancelled.
      waitUntil(reply.catch(() => {}));
      return reply;
    },
  };
}
