import type { StoreCharge } from "../src/store/store.ts";
import type { Plan, SimulatedPolicy } from "./plan.ts";
import type { Random } from "./random.ts";

/** What a request is charged with. */
export type NextRequest = () => readonly StoreCharge[];

/** One caller makes most of the traffic; some share an address. */
export function createRequests({ policies, callers, addresses }: Plan, random: Random): NextRequest {
  function keyOf(by: SimulatedPolicy["by"], caller: number): string {
    if (by === "everyone") return "everyone";
    return by === "caller" ? `caller-${caller}` : `address-${caller % addresses}`;
  }

  return () => {
    const caller = random.chance(0.6) ? 0 : random.between(0, callers - 1);
    const applying = policies.filter(({ applies }) => random.chance(applies / 100));
    return (applying.length > 0 ? applying : policies).flatMap((policy) => {
      const { name, by, quotas, maxCost, shadow, durable, lease, provisional, onError } = policy;
      const cost = random.between(1, maxCost);
      return quotas.map((quota) => ({
        key: keyOf(by, caller),
        count: `${name}/${quota.algorithm}/${quota.windowMs}`,
        ...{ quota, cost, shadow, durable, onError, provisional, lease },
      }));
    });
  };
}

/** Milliseconds to the next request. */
export function createGaps(plan: Plan, random: Random): () => number {
  const [first] = plan.policies;
  const { limit, windowMs } = first?.quotas[0] ?? { limit: 1, windowMs: 1_000 };
  const phase = plan.isTidal
    ? tide(Math.ceil((2 * limit) / ((first?.maxCost ?? 1) + 1)), windowMs, random)
    : weather(plan.busiest, random);
  let left = 0;
  let gap = () => 0;
  return () => {
    if (left-- > 0) return gap();
    const next = phase();
    left = next.requests;
    gap = next.gap;
    return next.pauseMs;
  };
}

/** So many requests with such gaps, after a pause. */
interface Phase {
  readonly requests: number;
  readonly gap: () => number;
  readonly pauseMs: number;
}

/** Busy, slow, silent, and now and then several in one instant. */
function weather(busiest: number, random: Random): () => Phase {
  return () => {
    const perSecond = busiest * random.pick([1, 1, 0.3]);
    return {
      requests: random.between(busiest / 2, busiest * 6),
      gap: () => (random.chance(0.1) ? 0 : random.gapMs(perSecond)),
      pauseMs: random.pick([0, 0, 500, random.between(0, 6_000)]),
    };
  };
}

/**
 * What is hardest on permits: one window in which they are taken, and used late; then, at some instant while what was
 * counted in it becomes free again, a flood that takes all the room there is.
 */
function tide(requests: number, windowMs: number, random: Random): () => Phase {
  const fillMs = windowMs * 0.8;
  let isFlood = true;
  return () => {
    isFlood = !isFlood;
    if (!isFlood)
      return {
        requests,
        gap: () => random.gapMs((requests * 1_000) / fillMs),
        pauseMs: random.between(0, windowMs),
      };
    const pauseMs = windowMs - fillMs + random.between(0, fillMs);
    return { requests: 2 * requests, gap: () => random.pick([0, 1, 3]), pauseMs };
  };
}
