import { Redis } from "@upstash/redis/cloudflare";
import { Hono } from "hono";
import { RedisStore, rateLimiter } from "hono-rate-limiter";
import { toOrigin } from "./forward.js";

const KEYS = [
  (c) => c.req.header("cf-connecting-ip") ?? "",
  (c) => c.req.header("x-user-id") ?? "",
  (c) => `${c.req.header("cf-connecting-ip")} ${c.req.header("x-user-id")}`,
];

/** Made once, at the first request: a Worker may not reach the network before, and each store loads three scripts. */
let app;

/** `hono-rate-limiter` on Redis with one limit, or three on three keys: one middleware after the other. */
export default {
  fetch(request, env, context) {
    app ??= createApp(env);
    return app.fetch(request, env, context);
  },
};

function createApp(env) {
  const client = new Redis({ url: env.UPSTASH_REDIS_REST_URL, token: env.UPSTASH_REDIS_REST_TOKEN });
  const limited = new Hono();
  for (const [i, keyGenerator] of KEYS.slice(0, env.LIMITERS).entries()) {
    limited.use(
      rateLimiter({
        windowMs: env.WINDOW_MS,
        limit: env.LIMIT,
        keyGenerator,
        store: new RedisStore({ client, prefix: `${env.NAMESPACE}-${i}:` }),
      }),
    );
  }
  limited.all("*", (c) => toOrigin(c.req.raw, c.env.ORIGIN));
  return limited;
}

/** The configuration that starts Workers names these classes; nothing here uses them. */
export class CounterObject {}
export class MetricsObject {}
