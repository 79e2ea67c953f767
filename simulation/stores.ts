import type { Charge } from "../src/limit/charge.ts";
import type { Settlement } from "../src/limit/settle.ts";
import type { Counter } from "../src/store/counter-protocol.ts";
import type { Store } from "../src/store/store.ts";
import type { Census } from "./census.ts";
import type { History } from "./history.ts";
import type { Network, Serve } from "./network.ts";
import { createObjectHost, type ObjectHost } from "./object-host.ts";
import type { Observer } from "./observer.ts";
import type { Random } from "./random.ts";
import { createRedisHost } from "./redis-host.ts";
import type { SimulatedRequest } from "./requests.ts";
import type { Sabotage } from "./sabotage.ts";
import { currentScope, type Scope } from "./scope.ts";
import type { StoreHost } from "./store-host.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** What an isolate can reach: Redis, or an object for each key. */
export type Connect = (isolate: number) => {
  readonly redis: Store | undefined;
  readonly counter: (key: string) => Counter;
};

export interface Stores {
  readonly connect: Connect;
  /** The machine that keeps the counts of a key. */
  hostOf(key: string): StoreHost;
  hosts(): readonly StoreHost[];
  objects(): readonly (readonly [key: string, object: ObjectHost])[];
}

export interface StoresParts {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly network: Network;
  readonly observer: Observer;
  readonly census: Census;
  readonly history: History;
  readonly kind: "objects" | "redis";
  readonly overloaded: number;
  /** The longest way to a store, one direction, milliseconds. */
  readonly farMs: number;
  readonly requestOf: (scope: Scope | undefined) => SimulatedRequest | undefined;
  readonly sabotage: Sabotage;
}

export function createStores(parts: StoresParts): Stores {
  const { time, random, network, observer, census, history, requestOf, sabotage } = parts;
  const shared = { time, random: random.fork("hosts"), witness: observer, census };
  const redis =
    parts.kind === "redis" ? createRedisHost({ ...shared, sabotage: sabotage.script }) : undefined;
  const objects = new Map<string, ObjectHost>();
  const ways = new Map<string, number>();

  function objectOf(key: string): ObjectHost {
    const { overloaded } = parts;
    const known =
      objects.get(key) ?? createObjectHost({ ...shared, key, overloaded, sabotage: sabotage.counter });
    objects.set(key, known);
    return known;
  }

  /** The one-way time between an isolate and a store, always about the same. */
  function wayMs(from: number, to: string): number {
    const way = `${from} ${to}`;
    const ms = ways.get(way) ?? random.fork(way).between(0, parts.farMs);
    ways.set(way, ms);
    return ms;
  }

  function call<T>(
    isolate: number,
    to: string,
    { charges, isTake }: { charges: readonly Charge[]; isTake: boolean },
    serve: (id: number) => Serve<T>,
  ): Promise<T> {
    const own = observer.begin(requestOf(currentScope()), charges, isTake);
    const onFault = (what: string) => {
      if (own.request) own.request.isDisturbed = true;
      history.note(charges[0]?.key ?? "-", () => `call ${own.id} ${what}`);
    };
    const onReply = () => {
      own.isAnswered = true;
    };
    return network.call(wayMs(isolate, to), serve(own.id), onFault, onReply);
  }

  const taking = (charges: readonly Charge[]) => ({ charges, isTake: true });
  const settling = (settlements: readonly Settlement[]) => ({
    charges: settlements.map(({ receipt }) => receipt.charge),
    isTake: false,
  });

  function redisStore(host: StoreHost, isolate: number): Store {
    return {
      async take(charges) {
        const reply = await call(isolate, "redis", taking(charges), (id) => host.take(charges, 0, id));
        const outcomes = reply.decisions.map((decision) => ({ kind: "decided", decision }) as const);
        return { ...reply, outcomes };
      },
      settle: (settlements) =>
        call(isolate, "redis", settling(settlements), (id) => host.settle(settlements, id)),
    };
  }

  return {
    connect: (isolate) => ({
      redis: redis && redisStore(redis, isolate),
      counter: (key) => ({
        take: ({ charges, tentativeMs }) =>
          call(isolate, key, taking(charges), (id) => objectOf(key).take(charges, tentativeMs, id)),
        settle: ({ settlements }) =>
          call(isolate, key, settling(settlements), (id) => objectOf(key).settle(settlements, id)),
      }),
    }),
    hostOf: (key) => redis ?? objectOf(key),
    hosts: () => (redis ? [redis] : [...objects.values()]),
    objects: () => [...objects],
  };
}
