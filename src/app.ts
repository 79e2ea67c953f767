import { HonoBase } from "hono/hono-base";
import { TrieRouter } from "hono/router/trie-router";
import type { Limiter } from "./http/limiter.ts";

/** The routes of the Worker, in order, by the router that policies are matched with: one is enough in a small script. */
export function createApp(limiter: Limiter): HonoBase {
  const app = new HonoBase({ router: new TrieRouter() });
  app.all("*", (c) => limiter(c.req.raw));
  return app;
}
