import v8 from "node:v8";
import vm from "node:vm";
import { SPENT_DEADLINE } from "../../src/store/deadline.ts";
import { withKnownRefusals } from "../../src/store/edge-cache.ts";
import { createKnownRefusals } from "../../src/store/known-refusals.ts";
import type { Store, StoreCharge } from "../../src/store/store.ts";
import { createRandom } from "../random.ts";
import { createVirtualTime } from "../virtual-time.ts";
import { START_MS } from "./scenario.ts";

/** What one isolate goes through while a botnet is at work. */
export interface BotnetMeasured {
  readonly keys: number;
  readonly requests: number;
  /** Answered from memory. */
  readonly known: number;
  /** Bytes of the heap when a tenth of the keys had been seen, and after all of them. */
  readonly earlyBytes: number;
  readonly lateBytes: number;
}

const WINDOW_MS = 60_000;

/**
 * One isolate, whose keys are all over their limits: each of its requests goes to one of them at random. `perKey` is how
 * often each is asked for, `keys` how many come to this isolate.
 */
export async function runBotnet(
  keys: number,
  perKeyPerSecond: number,
  seconds: number,
): Promise<BotnetMeasured> {
  const time = createVirtualTime(START_MS);
  const random = createRandom(3, "botnet");
  const store = withKnownRefusals(refusingStore(time.nowMs), createKnownRefusals(time.nowMs), time.nowMs);
  const requests = Math.round(keys * perKeyPerSecond * seconds);
  let asked = 0;
  let earlyBytes = 0;

  function refusingStore(now: () => number): Store {
    return {
      async take(charges) {
        asked += 1;
        // Whole only when its window is over, as a key is that goes on and on.
        const retryAfterMs = WINDOW_MS - (now() % WINDOW_MS);
        const decision = { allowed: false, remaining: 0, moreRoomMs: retryAfterMs, resetMs: retryAfterMs };
        const outcomes = charges.map(() => ({
          kind: "decided" as const,
          decision: { ...decision, retryAfterMs, nowMs: now() },
        }));
        return { admitted: false, outcomes, receipts: [], final: true };
      },
      settle: async () => [],
    };
  }

  for (let i = 0; i < requests; i++) {
    if (i === Math.floor(requests / 10)) earlyBytes = usedBytes();
    time.after((i * 1_000 * seconds) / requests - (time.nowMs() - START_MS), () => {});
    await store.take([chargeOf(random.between(0, keys - 1))], SPENT_DEADLINE);
    if (i % 100 === 0) await time.runUntil(START_MS + (i * 1_000 * seconds) / requests);
  }
  return { keys, requests, known: requests - asked, earlyBytes, lateBytes: usedBytes() };
}

function chargeOf(key: number): StoreCharge {
  const quota = { algorithm: "fixed-window", limit: 60, windowMs: WINDOW_MS, burst: 60 } as const;
  // As long as a digest is.
  const base = { key: `bot-${String(key).padStart(18, "0")}`, count: "default/fixed-window/60000", quota };
  return { ...base, cost: 1, shadow: false, durable: false, onError: "local" };
}

/** What is in use, after everything else was let go of. */
function usedBytes(): number {
  v8.setFlagsFromString("--expose-gc");
  (vm.runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}
