import type { PolicyCharge } from "../key/charges.ts";
import { type Costs, createPermitPool, type PermitParts, type PermitPool } from "../store/permits.ts";
import type { TakeAnswer } from "../store/store.ts";
import type { RecordDecision } from "./record.ts";
import type { Gate, Message, Ruling } from "./socket-bridge.ts";
import { longestRefusal, refusals, retryAfterSeconds } from "./verdict.ts";

/** Rules on the messages of one socket. */
export interface SocketGate extends Gate {
  /** The socket is closed. */
  leave(): void;
}

/** Opens the gate of a socket whose messages are charged so. Sockets of one caller in this isolate share what is taken ahead. */
export type OpenGate = (charges: readonly PolicyCharge[]) => SocketGate;

export interface GateParts extends PermitParts {
  readonly record: RecordDecision;
}

/** What a client is told to wait when nobody counted. */
const UNCOUNTED_SECONDS = 1;

export function createGates({ record, ...parts }: GateParts): OpenGate {
  const pools = new Map<string, { readonly pool: PermitPool; sockets: number }>();

  return (charges) => {
    const own = charges.map(({ charge }) => charge);
    // With the quota: a table may give another one to the next socket of the same caller.
    const id = own.map(({ key, count, quota }) => `${key} ${count} ${quota.limit} ${quota.burst}`).join(" ");
    const shared = pools.get(id) ?? { pool: createPermitPool(own, parts), sockets: 0 };
    shared.sockets += 1;
    pools.set(id, shared);

    function rulingOf(answer: TakeAnswer | undefined): Ruling {
      record("ws_message", charges, answer);
      return answer && !answer.admitted ? refusalOf(charges, answer) : { kind: "forward" };
    }

    return {
      rule(message) {
        const use = shared.pool.use(costsOf(charges, message));
        return use instanceof Promise ? use.then(rulingOf) : rulingOf(use);
      },
      leave() {
        shared.sockets -= 1;
        if (shared.sockets > 0) return;
        pools.delete(id);
        shared.pool.giveBack();
      },
    };
  };
}

function costsOf(charges: readonly PolicyCharge[], message: Message): Costs {
  return new Map(
    charges.map(({ policy: { cost }, charge }) => [
      charge.count,
      cost.kind === "bytes" ? Math.max(1, byteLength(message)) : charge.cost,
    ]),
  );
}

const byteLength = (message: Message): number =>
  typeof message === "string" ? new TextEncoder().encode(message).byteLength : message.byteLength;

function refusalOf(charges: readonly PolicyCharge[], { outcomes }: TakeAnswer): Ruling {
  const enforced = charges.flatMap(({ policy, quota, charge }, i) => {
    const outcome = outcomes[i];
    return charge.shadow || !outcome ? [] : [{ policy, quota, key: charge.key, outcome }];
  });
  const longest = longestRefusal(enforced);
  const refused = refusals(enforced);
  const first = longest ?? enforced.find(({ outcome }) => outcome.kind === "closed");
  return {
    kind: "refuse",
    policy: first?.quota.name ?? "",
    retryAfter: longest ? retryAfterSeconds(enforced, false) : UNCOUNTED_SECONDS,
    strikes: Math.min(...(refused.length > 0 ? refused : enforced).map(({ policy }) => policy.strikes)),
  };
}
