import { DurableObject } from "cloudflare:workers";
import { toOrigin } from "./forward.js";

/**
 * The least that an object for each caller costs when no admission may be lost: a count and the end of its window,
 * written at each admission, answered once it is on disk.
 */
export class CounterObject extends DurableObject {
  #window;

  async take(limit, windowMs) {
    this.#window ??= (await this.ctx.storage.get("window")) ?? { used: 0, endMs: 0 };
    const nowMs = Date.now();
    if (nowMs >= this.#window.endMs) this.#window = { used: 0, endMs: nowMs + windowMs };
    if (this.#window.used >= limit) return false;
    this.#window.used += 1;
    this.ctx.storage.put("window", this.#window);
    return true;
  }
}

export default {
  async fetch(request, env) {
    const counter = env.COUNTERS.getByName(request.headers.get("cf-connecting-ip") ?? "");
    const admitted = await counter.take(env.LIMIT, env.WINDOW_MS);
    return admitted ? toOrigin(request, env.ORIGIN) : new Response("Too many requests", { status: 429 });
  },
};

/** The configuration that starts Workers names this class; nothing here uses it. */
export class MetricsObject {}
