import { DurableObjectStore } from "@hono-rate-limiter/cloudflare";
import { Hono } from "hono";
import { rateLimiter } from "hono-rate-limiter";
import { toOrigin } from "./forward.js";

export { DurableObjectRateLimiter as CounterObject } from "@hono-rate-limiter/cloudflare";

/** The configuration that starts Workers names this class; nothing here uses it. */
export class MetricsObject {}

/** `hono-rate-limiter` on Durable Objects. As its documentation says, a limiter for each request. */
const app = new Hono();
app.use((c, next) =>
  rateLimiter({
    windowMs: c.env.WINDOW_MS,
    limit: c.env.LIMIT,
    keyGenerator: (context) => context.req.header("cf-connecting-ip") ?? "",
    store: new DurableObjectStore({ namespace: c.env.COUNTERS }),
  })(c, next),
);
app.all("*", (c) => toOrigin(c.req.raw, c.env.ORIGIN));

export default app;
