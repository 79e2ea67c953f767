import type { Quota } from "../../src/limit/quota.ts";
import type { StoreCharge } from "../../src/store/store.ts";
import { createRandom } from "../random.ts";

/** What the platform is taken to do. `docs/simulation.md` says where the numbers come from. */
export const PLATFORM = {
  /** Calls that one object answers in a second; more queue up. */
  callsPerSecond: 1_000,
  /** With so much waiting, it says that it is overloaded. */
  maxQueueMs: 1_000,
  /** Dollars: a million calls, a million rows written, a million seconds of an object awake. */
  perMillionCalls: 0.15,
  perMillionRows: 1,
  perMillionSeconds: 1.6,
} as const;

export const SCENARIO = {
  places: 300,
  isolatesPerPlace: 10,
  requestsPerSecond: 50_000,
  /** Traffic grows to that evenly. */
  riseMs: 30_000,
  limit: 1_000_000,
  windowMs: 60_000,
  storeTimeoutMs: 1_000,
} as const;

export const START_MS = 1_790_000_000_000;

/** Requests a second, at an instant. */
export const offeredAt = (nowMs: number): number =>
  SCENARIO.requestsPerSecond * Math.min(1, (nowMs - START_MS) / SCENARIO.riseMs);

export const QUOTA: Quota = {
  algorithm: "sliding-window",
  limit: SCENARIO.limit,
  windowMs: SCENARIO.windowMs,
  burst: SCENARIO.limit,
};

/** What every request is charged with. */
export const hotCharge = (lease: boolean): StoreCharge => ({
  key: "hot",
  count: "hot/sliding-window/60000",
  quota: QUOTA,
  cost: 1,
  shadow: false,
  durable: false,
  onError: "local",
  lease,
});

export interface Place {
  /** Its part of all requests. */
  readonly share: number;
  /** One way to the object, milliseconds. */
  readonly wayMs: number;
}

/** How much less each further place has than the one before: the first has 6 % of all requests, the last 0.1 %. */
const SKEW = 0.7;
const NEAREST_MS = 1;
const FARTHEST_MS = 125;

/** Scattered evenly over the globe, the object in the midst of one of them. */
export function createPlaces(): Place[] {
  const random = createRandom(1, "places");
  const weights = Array.from({ length: SCENARIO.places }, (_, i) => (i + 1) ** -SKEW);
  const sum = weights.reduce((all, one) => all + one, 0);
  return weights.map((weight) => {
    // Of points on a sphere, the cosine of the angle to a given one is even.
    const angle = Math.acos(1 - 2 * random.fraction()) / Math.PI;
    return { share: weight / sum, wayMs: NEAREST_MS + angle * (FARTHEST_MS - NEAREST_MS) };
  });
}
