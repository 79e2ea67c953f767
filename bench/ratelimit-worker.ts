import { Ratelimit } from "@upstash/ratelimit";
import { Redis } from "@upstash/redis/cloudflare";

interface Env {
  readonly ORIGIN: string;
  readonly UPSTASH_REDIS_REST_URL: string;
  readonly UPSTASH_REDIS_REST_TOKEN: string;
  /** How many limits each request has. */
  readonly LIMITERS: number;
}

type Limit = (keys: readonly string[]) => Promise<{ success: boolean; pending: Promise<unknown> }[]>;

let limit: Limit | undefined;

/** What Weir is compared with: `@upstash/ratelimit` as its documentation uses it, in front of `ORIGIN`. */
export default {
  async fetch(request: Request, env: Env, context: { waitUntil: (pending: Promise<unknown>) => void }) {
    limit ??= createLimit(env);
    const address = request.headers.get("cf-connecting-ip") ?? "";
    const user = request.headers.get("x-user-id") ?? "";
    const results = await limit([address, user, `${address} ${user}`]);
    for (const { pending } of results) context.waitUntil(pending);
    if (results.some(({ success }) => !success)) return new Response("Too many requests", { status: 429 });
    const { pathname, search } = new URL(request.url);
    return await fetch(new Request(env.ORIGIN + pathname + search, request));
  },
};

/** All in parallel, since the library has no call for several limits: the client sends them as one pipeline. */
function createLimit(env: Env): Limit {
  const redis = new Redis({ url: env.UPSTASH_REDIS_REST_URL, token: env.UPSTASH_REDIS_REST_TOKEN });
  const limiter = Ratelimit.slidingWindow(1_000_000, "1 h");
  const limiters = Array.from(
    { length: env.LIMITERS },
    (_, i) => new Ratelimit({ redis, limiter, prefix: `limit-${i}` }),
  );
  return (keys) => Promise.all(limiters.map((one, i) => one.limit(keys[i] ?? "")));
}

/** The configuration names these classes; nothing here uses them. */
export class CounterObject {}
export class MetricsObject {}
