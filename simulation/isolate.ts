import type { Settlement } from "../src/limit/settle.ts";
import { createDeadline, type Deadline } from "../src/store/deadline.ts";
import { createCounterStore } from "../src/store/durable-object.ts";
import { createKnownRefusals, type KnownRefusals } from "../src/store/known-refusals.ts";
import { leaseCallMs } from "../src/store/leases.ts";
import { createLocalStore } from "../src/store/local.ts";
import type { Store, StoreCharge, TakeAnswer } from "../src/store/store.ts";
import type { Census } from "./census.ts";
import type { Random } from "./random.ts";
import { currentScope, type Scope } from "./scope.ts";
import { createSkewedClock, type SkewedClock } from "./skewed-clock.ts";
import { createStack } from "./stack.ts";
import type { Connect } from "./stores.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** A request's life in an isolate: what the platform keeps going for it, and what its client still waits for. */
export interface RequestScope extends Scope {
  /** The client has gone, or everything has been answered. */
  end(): void;
}

export interface IsolateParts {
  readonly id: number;
  readonly time: VirtualTime;
  readonly census: Census;
  readonly random: Random;
  readonly connect: Connect;
  /** How far its clock is from the truth, milliseconds. */
  readonly skewMs: number;
  readonly timeoutMs: number;
  readonly sabotage?: ((known: KnownRefusals) => KnownRefusals) | undefined;
}

/** An isolate of Weir, with the stack of stores that `compose.ts` puts together. */
export interface Isolate {
  readonly id: number;
  open(): RequestScope;
  /** What the limiter asks for one request; only inside of a scope. */
  take(charges: readonly StoreCharge[]): Promise<TakeAnswer>;
  /** Corrects what was admitted, beside the answer. */
  settle(settlements: readonly Settlement[]): void;
  readonly clock: SkewedClock;
  die(): void;
  isAlive(): boolean;
}

interface OpenScope extends RequestScope {
  keepAlive(work: Promise<unknown>): void;
}

export function createIsolate(parts: IsolateParts): Isolate {
  const { id, time, timeoutMs } = parts;
  const clock = createSkewedClock(time, parts.skewMs);
  const now = clock.nowMs;
  let isDead = false;
  const waitUntil = (work: Promise<unknown>) => (currentScope() as OpenScope | undefined)?.keepAlive(work);
  const newDeadline = () => createDeadline(timeoutMs, now);
  const store = createStore(parts, now, waitUntil);

  function open(): OpenScope {
    let isOpen = true;
    let kept = 0;
    return {
      isAlive: () => !isDead && (isOpen || kept > 0),
      end() {
        isOpen = false;
      },
      keepAlive(work) {
        kept += 1;
        void work
          .catch(() => {})
          .then(() => {
            kept -= 1;
          });
      },
    };
  }

  return {
    id,
    open,
    async take(charges) {
      const deadline = newDeadline();
      try {
        return await store.take(charges, deadline);
      } finally {
        deadline.clear();
      }
    },
    settle(settlements) {
      const deadline: Deadline = newDeadline();
      waitUntil(store.settle(settlements, deadline).finally(() => deadline.clear()));
    },
    clock,
    die() {
      isDead = true;
    },
    isAlive: () => !isDead,
  };
}

function createStore(
  { id, census, random, connect, timeoutMs, sabotage = (known) => known }: IsolateParts,
  now: () => number,
  waitUntil: (work: Promise<unknown>) => void,
): Store {
  const { redis, counter } = connect(id);
  const storeOf = (key: string) =>
    createCounterStore(() => counter(key), {
      tentativeMs: timeoutMs,
      leasedTentativeMs: leaseCallMs(timeoutMs),
      waitUntil,
    });
  const { store } = createStack(redis ? { kind: "whole", store: redis } : { kind: "keyed", storeOf }, {
    local: createLocalStore(now, undefined, () => census.count("local store full")),
    known: sabotage(createKnownRefusals(now)),
    now,
    storeTimeoutMs: timeoutMs,
    waitUntil,
    random: random.fraction,
    report: (reason) => census.count(`store error: ${reason}`),
  });
  return store;
}
