import { Ratelimit } from "@upstash/ratelimit";
import { Redis } from "@upstash/redis/cloudflare";
import { toOrigin } from "./forward.js";

/** As long as Weir waits during a run. */
const TIMEOUT_MS = 10_000;

/** As its documentation says: made once outside of requests, `pending` handed to `waitUntil`. */
let limiters;

/**
 * `@upstash/ratelimit` with one sliding window, or three on three keys. All in parallel, since the library has no
 * call for several: its Redis client sends them as one pipeline. (Made at the first request, where `env` is known.)
 */
export default {
  async fetch(request, env, context) {
    limiters ??= createLimiters(env);
    const address = request.headers.get("cf-connecting-ip") ?? "";
    const user = request.headers.get("x-user-id") ?? "";
    const keys = [address, user, `${address} ${user}`];
    const results = await Promise.all(limiters.map((limiter, i) => limiter.limit(keys[i])));
    for (const { pending } of results) context.waitUntil(pending);
    // It would let the request pass. Here that is a fault of the machine, and no answer.
    if (results.some(({ reason }) => reason === "timeout")) return new Response("No answer", { status: 503 });
    if (results.some(({ success }) => !success)) return new Response("Too many requests", { status: 429 });
    return toOrigin(request, env.ORIGIN);
  },
};

function createLimiters(env) {
  const redis = new Redis({ url: env.UPSTASH_REDIS_REST_URL, token: env.UPSTASH_REDIS_REST_TOKEN });
  const limiter = Ratelimit.slidingWindow(env.LIMIT, `${env.WINDOW_MS} ms`);
  const prefixes = Array.from({ length: env.LIMITERS }, (_, i) => `${env.NAMESPACE}-${i}`);
  return prefixes.map((prefix) => new Ratelimit({ redis, limiter, prefix, timeout: TIMEOUT_MS }));
}

/** The configuration that starts Workers names these classes; nothing here uses them. */
export class CounterObject {}
export class MetricsObject {}
