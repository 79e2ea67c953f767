import { Hono } from "hono/tiny";
import type { Limiter } from "./http/limiter.ts";

/** The routes of the Worker, in order. */
export function createApp(limiter: Limiter): Hono {
  const app = new Hono();
  app.all("*", (c) => limiter(c.req.raw));
  return app;
}
