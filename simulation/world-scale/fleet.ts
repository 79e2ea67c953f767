import type { TakeReply } from "../../src/store/counter-protocol.ts";
import { createDeadline, type Deadline } from "../../src/store/deadline.ts";
import { createCounterStore } from "../../src/store/durable-object.ts";
import { createKnownRefusals } from "../../src/store/known-refusals.ts";
import { createLocalStore } from "../../src/store/local.ts";
import type { Store, StoreCharge, TakeAnswer } from "../../src/store/store.ts";
import { createRandom, type Random } from "../random.ts";
import { currentScope, runIn, type Scope, withVirtualTimers } from "../scope.ts";
import { createStack } from "../stack.ts";
import { createVirtualTime, type VirtualTime } from "../virtual-time.ts";
import { createBusyObject } from "./busy-object.ts";
import { createMeter, type Measured, type Meter } from "./meter.ts";
import { createPlaces, hotCharge, offeredAt, SCENARIO, START_MS } from "./scenario.ts";

/** A request, as far as the meter has to know of it. */
interface Asking extends Scope {
  hasCalled: boolean;
  /** When the store admitted it by a call of its own. */
  decidedMs: number | undefined;
}

/** Lets all isolates decide everything by the real stack of stores, for so long. */
export async function runFleet(
  lease: boolean,
  seconds: number,
  onSecond: (second: number) => void,
): Promise<Measured> {
  const time = createVirtualTime(START_MS);
  const meter = createMeter(START_MS, seconds);
  const isolates = createIsolates(time, meter);
  const charges = [hotCharge(lease)];
  const arrivals = createRandom(2, "arrivals");

  function tick(): void {
    const nowMs = time.nowMs();
    if (nowMs >= START_MS + seconds * 1_000) return;
    if ((nowMs - START_MS) % 1_000 === 0) onSecond((nowMs - START_MS) / 1_000);
    for (let left = poisson(arrivals, offeredAt(nowMs) / 1_000); left > 0; left--) {
      meter.offered(nowMs);
      send(isolates.pick(arrivals), charges, time, meter);
    }
    time.after(1, tick);
  }

  // Millions of refused calls are errors.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  await withVirtualTimers(time, async () => {
    time.after(0, tick);
    await time.runUntil(START_MS + seconds * 1_000 + SCENARIO.storeTimeoutMs);
  });
  Error.stackTraceLimit = stackTraceLimit;
  return meter.result();
}

function send(store: Store, charges: readonly StoreCharge[], time: VirtualTime, meter: Meter): void {
  const sentMs = time.nowMs();
  const asking: Asking = { isAlive: () => true, hasCalled: false, decidedMs: undefined };
  const deadline = lazyDeadline(time);
  const answered = (answer: TakeAnswer) => {
    deadline.clear();
    meter.decided(time.nowMs() - sentMs, !asking.hasCalled);
    if (!answer.admitted) return;
    const isCounted = answer.outcomes.every(({ kind }) => kind === "decided");
    if (isCounted) meter.admitted(asking.decidedMs ?? time.nowMs());
    else meter.uncounted();
  };
  void runIn(asking, () => store.take(charges, deadline)).then(answered);
}

/** One for each request would be too much where hardly any asks a store. */
function lazyDeadline(time: VirtualTime): Deadline {
  let made: Deadline | undefined;
  const deadline = () => {
    made ??= createDeadline(SCENARIO.storeTimeoutMs, time.nowMs);
    return made;
  };
  return {
    signal: () => deadline().signal(),
    race: (work) => deadline().race(work),
    pause: () => made?.pause(),
    isUp: () => made?.isUp() ?? false,
    clear: () => made?.clear(),
  };
}

interface Isolates {
  /** As often as requests come to it. */
  pick(random: Random): Store;
}

function createIsolates(time: VirtualTime, meter: Meter): Isolates {
  const object = createBusyObject(time, meter);
  const places = createPlaces();
  const stores: Store[] = [];
  const upTo: number[] = [];
  let sum = 0;
  for (const { share, wayMs } of places) {
    for (let i = 0; i < SCENARIO.isolatesPerPlace; i++) {
      sum += share / SCENARIO.isolatesPerPlace;
      upTo.push(sum);
      stores.push(createIsolateStore(time, object.counter(wayMs), createRandom(stores.length, "isolate")));
    }
  }
  return {
    pick(random) {
      const wanted = random.fraction() * sum;
      let [low, high] = [0, upTo.length - 1];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((upTo[middle] ?? 0) < wanted) low = middle + 1;
        else high = middle;
      }
      return stores[low] as Store;
    },
  };
}

function createIsolateStore(
  time: VirtualTime,
  counter: ReturnType<ReturnType<typeof createBusyObject>["counter"]>,
  random: Random,
): Store {
  const now = time.nowMs;
  const waitUntil = () => {};
  const noted: typeof counter = {
    ...counter,
    async take(message) {
      const asking = currentScope() as Asking | undefined;
      if (asking) asking.hasCalled = true;
      const reply: TakeReply = await counter.take(message);
      if (asking && reply.admitted) asking.decidedMs = reply.decisions[0]?.nowMs;
      return reply;
    },
  };
  // With one key nothing is given back.
  const options = { tentativeMs: 0, leasedTentativeMs: 0, waitUntil };
  const storeOf = () => createCounterStore(() => noted, options);
  const { store } = createStack(
    { kind: "keyed", storeOf },
    {
      local: createLocalStore(now),
      known: createKnownRefusals(now),
      now,
      storeTimeoutMs: SCENARIO.storeTimeoutMs,
      waitUntil,
      random: random.fraction,
      report: () => {},
    },
  );
  return store;
}

/** How many of something come that comes so often on average. */
export function poisson(random: Random, mean: number): number {
  const limit = Math.exp(-mean);
  let product = random.fraction();
  let count = 0;
  while (product > limit) {
    product *= random.fraction();
    count += 1;
  }
  return count;
}
