import type { Asked } from "./contestants.ts";
import { answer, type Extra } from "./load.ts";

export interface Limit {
  readonly count: number;
  readonly windowSeconds: number;
}

/** More than any run sends, over a window that does not end during one. */
export const NEVER_REACHED: Limit = { count: 1_000_000, windowSeconds: 3_600 };

type Variables = Readonly<Record<string, unknown>>;

/** A Worker of the comparison. */
export interface Contender extends Asked {
  /** Where it counts. "none": it does not count at all. */
  readonly store: "none" | "memory" | "objects" | "redis";
  /** Entry of a peer, a file in `bench/peers/`; undefined for Weir. */
  readonly peer: string | undefined;
  /** Its variables when it is to admit this much of each caller, without those of the origin and Redis. */
  vars(limit: Limit): Variables;
}

const quota = (count: number, seconds: number): string => `${count} per ${seconds} seconds`;

const onePolicy = ({ count, windowSeconds }: Limit) => [
  { name: "address", key: "ip", limit: quota(count, windowSeconds) },
];

const threePolicies = (limit: Limit) => [
  ...onePolicy(limit),
  { name: "user", key: "header:x-user-id", limit: quota(limit.count, limit.windowSeconds) },
  { name: "both", key: "ip + header:x-user-id", limit: quota(limit.count, limit.windowSeconds) },
];

const threeQuotas = ({ count, windowSeconds }: Limit) => [
  {
    name: "address",
    key: "ip",
    limit: `${quota(count, windowSeconds)}, ${quota(2 * count, 2 * windowSeconds)}`,
  },
  { name: "user", key: "header:x-user-id", limit: quota(count, windowSeconds) },
];

const leased = (limit: Limit) => onePolicy(limit).map((policy) => ({ ...policy, lease: true }));

/** One caller sends everything. */
const hot = (): Extra => ({ headers: { "CF-Connecting-IP": "198.51.100.1" } });

type Details = Pick<Contender, "id" | "label" | "store"> & Partial<Pick<Contender, "answer" | "extra">>;

/** A peer says nothing of quotas that Weir's field would show; a failed store shows as a status. */
const peer = (file: string, limiters: number, details: Details): Contender => ({
  answer: answer(200, 0),
  ...details,
  peer: file,
  vars: ({ count, windowSeconds }) => ({
    LIMIT: count,
    WINDOW_MS: windowSeconds * 1_000,
    LIMITERS: limiters,
  }),
});

/** Weir says how many quotas the store decided: one that it let pass because of a fault is a wrong answer. */
const weir = (policies: (limit: Limit) => object[], quotas: number, details: Details): Contender => ({
  answer: answer(200, quotas),
  ...details,
  peer: undefined,
  vars: (limit) => ({
    POLICIES: policies(limit),
    ...(details.store === "memory" && { STORE: "local" }),
    ...(details.store === "redis" && { STORE: "upstash" }),
  }),
});

/** The rows of the table. The first is what the others are compared with. */
export const CONTENDERS: readonly Contender[] = [
  peer("forward.js", 0, { id: "forward", label: "forwards only", store: "none" }),
  peer("hono-429.js", 0, {
    id: "bare-429",
    label: "a bare 429 of Hono",
    store: "none",
    answer: answer(429, 0),
  }),
  weir(() => [{ name: "address", limit: "1/day" }], 1, {
    id: "weir-refused",
    label: "**Weir**, refused, known at the edge",
    store: "objects",
    answer: answer(429, 1),
  }),
  weir(onePolicy, 1, { id: "weir-local", label: "**Weir**, local, 1 policy", store: "memory" }),
  peer("object-counter.js", 1, {
    id: "counter",
    label: "a minimal object that writes each admission",
    store: "objects",
  }),
  peer("hono-objects.js", 1, {
    id: "hono-objects",
    label: "@hono-rate-limiter/cloudflare 0.2.2, 1 limiter",
    store: "objects",
  }),
  weir(onePolicy, 1, {
    id: "weir-objects-1",
    label: "**Weir**, durable-object, 1 policy",
    store: "objects",
  }),
  weir(threeQuotas, 3, {
    id: "weir-objects-3",
    label: "**Weir**, durable-object, 3 quotas on 2 keys",
    store: "objects",
  }),
  weir(leased, 1, {
    id: "weir-objects-lease",
    label: "**Weir**, durable-object, lease, hot key",
    store: "objects",
    extra: hot,
  }),
  peer("upstash-ratelimit.js", 1, {
    id: "upstash-1",
    label: "@upstash/ratelimit 2.2.0, 1 limiter",
    store: "redis",
  }),
  peer("hono-redis.js", 1, {
    id: "hono-redis-1",
    label: "hono-rate-limiter 0.5.4 on Redis, 1 limiter",
    store: "redis",
  }),
  weir(onePolicy, 1, { id: "weir-upstash-1", label: "**Weir**, upstash, 1 policy", store: "redis" }),
  peer("upstash-ratelimit.js", 3, {
    id: "upstash-3",
    label: "@upstash/ratelimit 2.2.0, 3 in parallel",
    store: "redis",
  }),
  peer("hono-redis.js", 3, {
    id: "hono-redis-3",
    label: "hono-rate-limiter 0.5.4 on Redis, 3 limiters",
    store: "redis",
  }),
  weir(threePolicies, 3, {
    id: "weir-upstash-3",
    label: "**Weir**, upstash, 3 policies",
    store: "redis",
  }),
  weir(leased, 1, {
    id: "weir-upstash-lease",
    label: "**Weir**, upstash, lease, hot key",
    store: "redis",
    extra: hot,
  }),
];

/** Whether it asks a store over what would be a network. */
export const asksAfar = ({ store }: Contender): boolean => store === "objects" || store === "redis";

/** Whether it has limits that callers can try to get past; one that refuses everything has none. */
export const admits = ({ id, store }: Contender): boolean => store !== "none" && id !== "weir-refused";

/** The rows that a list names, as in `forward,weir-local`. Throws an error made to be shown. */
export function contendersNamed(list: string): readonly Contender[] {
  const names = list.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !CONTENDERS.some(({ id }) => id === name));
  if (unknown !== undefined) throw new Error(`"${unknown}" is no row`);
  return CONTENDERS.filter(({ id }) => names.includes(id));
}
