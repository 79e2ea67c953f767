import type { KeyExpression } from "../config/key-expression.ts";
import type { Incoming } from "../http/request-facts.ts";
import type { Digest } from "../key/digest.ts";
import { readPart } from "../key/key-part.ts";
import { keyText } from "../key/key-values.ts";
import type { Deadline } from "../store/deadline.ts";
import type { Store, StoreCharge, TakeAnswer } from "../store/store.ts";
import type { Desk } from "./desk.ts";

/** A limit that Weir puts on its own paths, for each address. */
export interface OwnQuota {
  /** Takes one. Returns how long the address has to wait, milliseconds: 0 when it was admitted. */
  take(incoming: Incoming): Promise<number>;
  /** The same, but takes none. While the store is away nobody has to wait. */
  waitMs(incoming: Incoming): Promise<number>;
}

export interface OwnQuotaParts {
  readonly digest: Digest;
  /** The whole stack, as requests use it. */
  readonly store: Store;
  readonly knownRefusal: (charges: readonly StoreCharge[]) => TakeAnswer | undefined;
  readonly desk: Pick<Desk, "peek">;
  readonly newDeadline: () => Deadline;
}

/** Addresses are told apart as by a policy with `key = "ip"`. */
const KEY: KeyExpression = [{ parts: [{ kind: "ip" }], orNone: false }];
const NO_PATH = { path: "", params: {} };
const WINDOW_MS = 60_000;

/**
 * So many a minute for each address.
 *
 * @param name of the count: no policy can have it, since their names have no `_`
 */
export function createOwnQuota(parts: OwnQuotaParts, name: string, limit: number): OwnQuota {
  const { digest, store, knownRefusal, desk, newDeadline } = parts;

  async function chargeOf(incoming: Incoming): Promise<StoreCharge> {
    const key = keyText(KEY, (part) => readPart(part, incoming, NO_PATH));
    return {
      key: await digest(key.kind === "key" ? key.text : ""),
      count: `_weir/${name}`,
      quota: { algorithm: "sliding-window", limit, windowMs: WINDOW_MS, burst: limit },
      cost: 1,
      shadow: false,
      durable: false,
      onError: "local",
    };
  }

  return {
    async take(incoming) {
      const charge = await chargeOf(incoming);
      const deadline = newDeadline();
      try {
        return waitOf(await store.take([charge], deadline));
      } finally {
        deadline.clear();
      }
    },

    async waitMs(incoming) {
      const charge = await chargeOf(incoming);
      const known = knownRefusal([charge]);
      if (known) return waitOf(known);
      const [standing] = await desk.peek([charge]).catch(() => []);
      return standing?.retryAfterMs ?? 0;
    },
  };
}

function waitOf({ admitted, outcomes: [outcome] }: TakeAnswer): number {
  if (admitted) return 0;
  return outcome && "decision" in outcome ? outcome.decision.retryAfterMs : WINDOW_MS;
}
