import { createHash } from "node:crypto";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { createMiddleware } from "hono/factory";
import type { Configuration, KeyState, QuotaState, Snapshot } from "../../dashboard/api/answers.ts";
import type { Target } from "../../dashboard/api/client.ts";
import { buildDashboard } from "../../dev/build-dashboard.ts";
import { configuration, snapshot } from "./fixtures.ts";

export const TOKEN = "an-admin-token-for-the-tests-of-the-page";

/** As the Worker serves the page. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

interface Trouble {
  readonly status: number;
  readonly detail: string;
  readonly retryAfterSeconds?: number;
  /** Only this one, as in `snapshot`. */
  readonly route?: string;
}
type Change = { readonly limit: number | string; readonly until: string };

/** What the page is shown; tests change it while the page is open. */
export interface FakeApi {
  readonly url: string;
  configuration: Configuration;
  snapshot: Snapshot;
  /** Answered instead of everything else behind the token. */
  trouble: Trouble | undefined;
  /** Every answer waits for it. */
  gate: Promise<unknown>;
  /** `METHOD route`, oldest first. */
  readonly asked: string[];
  readonly bodies: unknown[];
  /** What a key has left in each of its quotas; else everything. */
  readonly remaining: Map<string, number>;
  readonly lockedOut: Map<string, number>;
  readonly overrides: Map<string, Change>;
  stop(): Promise<void>;
}

/** The administration routes with the built page in front, without a limiter behind. */
export async function startFakeApi(): Promise<FakeApi> {
  const texts = await buildDashboard();
  const app = new Hono();
  const api: Omit<FakeApi, "url" | "stop"> = {
    configuration,
    snapshot: snapshot(),
    trouble: undefined,
    gate: Promise.resolve(),
    asked: [],
    bodies: [],
    remaining: new Map(),
    lockedOut: new Map(),
    overrides: new Map(),
  };
  const file = (path: string, text: string, type: string) =>
    app.get(`/_weir/${path}`, (c) =>
      c.body(text, 200, { "Content-Type": type, "Content-Security-Policy": PAGE_POLICY }),
    );
  file("", texts["dashboard.html"], "text/html; charset=utf-8");
  file("dashboard.js", texts["dashboard.js.txt"], "text/javascript; charset=utf-8");
  file("dashboard.css", texts["dashboard.css.txt"], "text/css; charset=utf-8");
  app.use(operators(api));
  addRoutes(app, api);

  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
  await new Promise((listening) => server.once("listening", listening));
  const { port } = server.address() as AddressInfo;
  const stop = () => new Promise<void>((closed) => server.close(() => closed()));
  return Object.assign(api, { url: `http://127.0.0.1:${port}/_weir/`, stop });
}

function operators(api: Omit<FakeApi, "url" | "stop">) {
  return createMiddleware(async (c, next) => {
    const route = c.req.path.slice("/_weir/".length);
    api.asked.push(`${c.req.method} ${route}`);
    await api.gate;
    if (api.trouble && (api.trouble.route ?? route) === route) {
      const { status, detail, retryAfterSeconds } = api.trouble;
      const wait = retryAfterSeconds === undefined ? {} : { "Retry-After": String(retryAfterSeconds) };
      return Response.json({ title: "Trouble", status, detail }, { status, headers: wait });
    }
    if (c.req.header("authorization") !== `Bearer ${TOKEN}`) {
      return Response.json({ title: "Unauthorized", status: 401 }, { status: 401 });
    }
    return next();
  });
}

function addRoutes(app: Hono, api: Omit<FakeApi, "url" | "stop">): void {
  const idOf = (target: Target) => `${target.policy} ${digestOf(target)}`;
  app.get("/_weir/snapshot", (c) => c.json(api.snapshot));
  app.get("/_weir/policies", (c) => c.json(api.configuration));
  app.post("/_weir/lookup", async (c) => {
    const { key } = await c.req.json<{ key: Record<string, string> }>();
    const policies = api.configuration.policies.filter(({ parts }) => parts.some((part) => part in key));
    const keys = policies.map(({ name, parts }) => {
      const part = parts.find((wanted) => wanted in key) ?? "";
      return stateOf(api, { policy: name, key: { [part]: key[part] ?? "" } });
    });
    return c.json({ keys });
  });
  const change = (method: string, path: string, apply: (target: Target, body: Change) => void) =>
    app.on(method, path, async (c) => {
      const body = await c.req.json<Target & Change>();
      api.bodies.push(body);
      apply(body, body);
      return c.json(stateOf(api, body));
    });
  change("POST", "/_weir/peek", () => {});
  change("POST", "/_weir/reset", (target) => {
    api.remaining.delete(idOf(target));
    api.lockedOut.delete(idOf(target));
  });
  change("PUT", "/_weir/overrides", (target, body) => api.overrides.set(idOf(target), body));
  change("DELETE", "/_weir/overrides", (target) => api.overrides.delete(idOf(target)));
}

const digestOf = (target: Target): string =>
  "digest" in target
    ? target.digest
    : createHash("sha256").update(JSON.stringify(target.key)).digest("base64url").slice(0, 22);

function stateOf(api: Omit<FakeApi, "url" | "stop">, target: Target): KeyState {
  const policy = api.configuration.policies.find(({ name }) => name === target.policy);
  if (!policy) throw new Error(`no policy ${target.policy}`);
  const key = digestOf(target);
  const id = `${target.policy} ${key}`;
  const override = api.overrides.get(id);
  const states = (policy.limits ?? []).map((limit): QuotaState => {
    const inForce = typeof override?.limit === "number" ? override.limit : limit.limit;
    const remaining = Math.min(inForce, api.remaining.get(id) ?? inForce);
    return {
      ...limit,
      limit: inForce,
      remaining,
      reset_seconds: remaining < inForce ? 47 : 0,
      ...(remaining === 0 && inForce > 0 && { retry_after_seconds: 13 }),
      ...(override && { overridden_until: override.until, configured_limit: limit.limit }),
    };
  });
  return {
    policy: policy.name,
    key,
    mode: policy.mode,
    states,
    locked_out_seconds: api.lockedOut.get(id) ?? 0,
  };
}

export const keyId = (target: Target): string => `${target.policy} ${digestOf(target)}`;
