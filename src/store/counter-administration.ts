import { type AdminRequest, chargesOf } from "../limit/administer.ts";
import type { Charge, KeyStanding } from "../limit/charge.ts";
import { type CounterAdministration, MESSAGE_FORMAT } from "./counter-protocol.ts";
import type { Deadline } from "./deadline.ts";
import type { Administration } from "./store.ts";

/** Administration of keys that each have a Durable Object. `objectOf` gives a new stub for each call. */
export function createCounterAdministration(
  objectOf: (key: string) => CounterAdministration,
): Administration {
  async function ask(request: AdminRequest, deadline: Deadline): Promise<readonly KeyStanding[]> {
    const charges = chargesOf(request);
    const keys = [...new Set(charges.map(({ key }) => key))];
    const replies = keys.map(async (key) => {
      const { format, standings } = await objectOf(key).administer({
        format: MESSAGE_FORMAT,
        ...partOf(request, key),
      });
      if (format !== MESSAGE_FORMAT) throw new Error("a message of a format unknown here");
      return [key, standings.values()] as const;
    });
    const byKey = new Map(await deadline.race(Promise.all(replies)));
    return charges.flatMap(({ key }) => byKey.get(key)?.next().value ?? []);
  }

  return {
    peek: (charges, deadline) => ask({ kind: "peek", charges }, deadline),
    reset: async (charges, deadline) => void (await ask({ kind: "reset", charges }, deadline)),
    override: async (overrides, deadline) => void (await ask({ kind: "override", overrides }, deadline)),
  };
}

/** What of a request is about one key. */
function partOf(request: AdminRequest, key: string): AdminRequest {
  const isOwn = (charge: Charge): boolean => charge.key === key;
  return request.kind === "override"
    ? { ...request, overrides: request.overrides.filter(({ charge }) => isOwn(charge)) }
    : { ...request, charges: request.charges.filter(isOwn) };
}
