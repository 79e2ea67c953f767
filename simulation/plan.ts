import { ALGORITHMS, type Quota } from "../src/limit/quota.ts";
import type { StoreCharge } from "../src/store/store.ts";
import type { Weather } from "./network.ts";
import type { Random } from "./random.ts";

/** A policy of a simulated configuration. */
export interface SimulatedPolicy {
  readonly name: string;
  /** What callers are told apart by. */
  readonly by: "caller" | "address" | "everyone";
  readonly quotas: readonly Quota[];
  /** Requests cost up to this much. */
  readonly maxCost: number;
  /** Of a hundred requests, how many does it apply to. */
  readonly applies: number;
  readonly shadow: boolean;
  readonly durable: boolean;
  readonly lease: boolean;
  /** The true cost comes with the response. */
  readonly provisional: boolean;
  readonly onError: StoreCharge["onError"];
}

/** What is to happen in a world: everything that its seed decides before it begins. */
export interface Plan {
  readonly store: "objects" | "redis";
  readonly policies: readonly SimulatedPolicy[];
  readonly isolates: number;
  readonly callers: number;
  readonly addresses: number;
  readonly requests: number;
  /** The busiest that traffic gets, requests a second. */
  readonly busiest: number;
  /** Whether it comes in floods, a window of the first quota apart. */
  readonly isTidal: boolean;
  readonly weather: Weather;
  readonly farMs: number;
  readonly timeoutMs: number;
  /** How often each kind of trouble comes, times a second. */
  readonly troubles: Readonly<Record<Trouble, number>>;
}

export const TROUBLES = [
  "eviction",
  "crash",
  "pause",
  "restart",
  "store clock",
  "isolate death",
  "isolate clock",
] as const;
export type Trouble = (typeof TROUBLES)[number];

export function createPlan(random: Random): Plan {
  const isBusy = random.chance(0.3);
  const store = random.chance(0.6) ? "objects" : "redis";
  const policies = Array.from({ length: random.between(1, isBusy ? 2 : 4) }, (_, i) =>
    createPolicy(random, `p${i}`, isBusy, i === 0),
  );
  const isCalm = random.chance(0.3);
  const often = (perSecond: number) => (isCalm || random.chance(0.5) ? 0 : perSecond * random.fraction());
  return {
    store,
    policies,
    isolates: random.between(1, isBusy ? 3 : 5),
    callers: isBusy ? 1 : random.between(1, 5),
    addresses: random.between(1, 3),
    requests: isBusy ? random.between(200, 450) : random.between(50, 180),
    busiest: isBusy ? random.pick([40, 80, 120]) : random.pick([2, 10, 50]),
    isTidal: isBusy && random.chance(0.5),
    weather: isCalm
      ? { lost: 0, late: 0, lateMs: 0, broken: 0 }
      : {
          lost: random.between(0, 3),
          late: random.between(0, 4),
          lateMs: 3_000,
          broken: random.between(0, 2),
        },
    farMs: random.pick([2, 25, 125]),
    timeoutMs: random.pick([250, 500, 1_000]),
    troubles: {
      eviction: often(0.5),
      crash: often(0.2),
      pause: often(0.2),
      restart: often(0.2),
      "store clock": often(0.2),
      "isolate death": often(0.3),
      "isolate clock": often(0.2),
    },
  };
}

function createPolicy(random: Random, name: string, isBusy: boolean, isFirst: boolean): SimulatedPolicy {
  const lease = isBusy && random.chance(isFirst ? 0.8 : 0.3);
  const first = isBusy
    ? busyQuota(random, lease)
    : smallQuota(random, random.pick([1_000, 2_000, 5_000, 10_000]));
  const quotas = random.chance(0.3) ? [first, wider(random, first)] : [first];
  const maxCost = random.pick([1, 1, 1, 3]);
  return {
    name,
    by: random.pick(["caller", "address", "everyone"]),
    quotas,
    maxCost: isBusy ? Math.ceil(first.limit / 100) : maxCost,
    applies: isBusy ? 100 : random.pick([100, 100, 60]),
    shadow: random.chance(0.1),
    durable: random.chance(0.2),
    lease,
    provisional: !lease && random.chance(0.25),
    onError: random.pick(["local", "open", "closed"]),
  };
}

function busyQuota(random: Random, lease: boolean): Quota {
  const windowMs = random.pick([4_000, 4_000, 5_000, 10_000]);
  const limit = random.pick([random.between(20, 128), random.between(40, 100), random.between(129, 600)]);
  const algorithm = lease ? "sliding-window" : random.pick(ALGORITHMS);
  return { algorithm, limit, windowMs, burst: limit };
}

function smallQuota(random: Random, windowMs: number): Quota {
  const algorithm = random.chance(0.25) ? "sliding-window" : random.pick(ALGORITHMS);
  const limit = random.between(1, 12);
  const burst = algorithm === "token-bucket" ? random.between(1, 12) : limit;
  return { algorithm, limit, windowMs, burst };
}

/** A second quota of the same policy. */
function wider(random: Random, { algorithm, limit, windowMs, burst }: Quota): Quota {
  const times = random.between(2, 3);
  const more = random.between(Math.ceil((limit * times) / 2), limit * times);
  return {
    algorithm,
    limit: more,
    windowMs: windowMs * times,
    burst: algorithm === "token-bucket" ? burst : more,
  };
}
