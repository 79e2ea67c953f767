import { type Counter, MESSAGE_FORMAT } from "./counter-protocol.ts";
import type { Store } from "./store.ts";

/** The store of one key: its Durable Object, asked over RPC. `counter` gives a new stub for each call. */
export function createCounterStore(counter: () => Counter): Store {
  return {
    async take(charges, _, tentative = false) {
      const reply = await counter().take({ format: MESSAGE_FORMAT, charges, tentative });
      const { admitted, decisions, receipts, final } = reply;
      return {
        admitted,
        outcomes: decisions.map((decision) => ({ kind: "decided", decision })),
        receipts,
        final,
      };
    },
    async settle(settlements) {
      return counter().settle({ format: MESSAGE_FORMAT, settlements });
    },
  };
}
