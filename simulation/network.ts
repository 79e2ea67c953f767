import type { Census } from "./census.ts";
import type { Random } from "./random.ts";
import { currentScope, runIn } from "./scope.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** How the ways between isolates and stores are. */
export interface Weather {
  /** Of a hundred messages, in each direction: lost, and late by up to `lateMs`. */
  readonly lost: number;
  readonly late: number;
  readonly lateMs: number;
  /** Of a hundred calls: fail with an error, before they count or after. */
  readonly broken: number;
}

/** What a call leads to; of an error, whether the store says that it is overloaded. */
export type Reply<T> = { readonly value: T } | { readonly error: string; readonly isOverloaded?: boolean };

/** The other end of a call. Answers at once, later, or never. */
export type Serve<T> = (answer: (reply: Reply<T>) => void) => void;

export interface Network {
  /** Calls from the scope that is current; `wayMs` is the time it takes in one direction. */
  call<T>(wayMs: number, serve: Serve<T>, onFault: (what: string) => void, onReply: () => void): Promise<T>;
}

export function createNetwork(
  time: VirtualTime,
  random: Random,
  { lost, late, lateMs, broken }: Weather,
  census: Census,
): Network {
  const percent = (n: number) => random.chance(n / 100);

  /** How long a message is under way; undefined when it never arrives. */
  function travel(wayMs: number, direction: "request" | "reply", onFault: (what: string) => void) {
    const ms = wayMs + random.between(0, Math.ceil(wayMs / 4));
    if (percent(lost)) {
      census.count(`lost ${direction}`);
      onFault(`${direction} lost`);
      return undefined;
    }
    if (!percent(late)) return ms;
    census.count(`late ${direction}`);
    onFault(`${direction} late`);
    return ms + random.between(50, lateMs);
  }

  return {
    call: (wayMs, serve, onFault, onReply) =>
      new Promise((resolve, reject) => {
        const scope = currentScope();
        const deliver = (ms: number, run: () => void) =>
          time.after(ms, () => {
            if (!scope || scope.isAlive()) runIn(scope, run);
            else onFault("nobody waits");
          });
        const fail = (message: string, isOverloaded = false) => {
          onFault(message);
          reject(Object.assign(new Error(message), isOverloaded && { overloaded: true }));
        };
        const isBroken = percent(broken);
        if (isBroken && random.chance(0.5)) {
          census.count("broken before");
          deliver(wayMs, () => fail("connection lost"));
          return;
        }
        const thereMs = travel(wayMs, "request", onFault);
        if (thereMs === undefined) return;
        time.after(thereMs, () =>
          serve((reply) => {
            const backMs = travel(wayMs, "reply", onFault);
            if (backMs === undefined) return;
            deliver(backMs, () => {
              if ("error" in reply) return fail(reply.error, reply.isOverloaded);
              if (isBroken) {
                census.count("broken after");
                return fail("connection lost");
              }
              onReply();
              resolve(reply.value);
            });
          }),
        );
      }),
  };
}
