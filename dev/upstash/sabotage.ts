import { once } from "node:events";
import { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Hono } from "hono";
import type { Fault, Faults } from "./faults.ts";
import { WRONG_TOKEN } from "./rest-middleware.ts";

const QUOTA_USED_UP =
  "ERR max requests limit exceeded. Limit: 500000, Usage: 500000. See https://upstash.com/docs/redis/troubleshooting/max_requests_limit for details";
const ERROR_PAGE = "<!doctype html><title>500</title><h1>Internal Server Error</h1>\n";

type Execute = (request: Request) => Promise<Response>;
type Scene = {
  request: Request;
  outgoing: ServerResponse;
  execute: Execute;
  flushScripts: () => Promise<void>;
};

/** Serves requests with the app, unless there is a fault to show first. */
export function createSabotage({ app, faults, token }: { app: Hono; faults: Faults; token: string }) {
  const execute: Execute = async (request) => await app.fetch(request);

  async function flushScripts(): Promise<void> {
    const headers = { Authorization: `Bearer ${token}` };
    // Through the app, which has digests of its own to forget.
    await app.request("/script/flush", { headers });
  }

  return async (request: Request, outgoing: unknown): Promise<Response> => {
    const fault = faults.take();
    if (fault === undefined) return await execute(request);
    if (!(outgoing instanceof ServerResponse)) throw new TypeError("Faults need HTTP/1.1.");
    return await sabotage(fault, { request, outgoing, execute, flushScripts });
  };
}

async function sabotage(fault: Fault, scene: Scene): Promise<Response> {
  const { request, outgoing, execute } = scene;
  switch (fault.kind) {
    case "delay":
      await sleep(fault.ms, undefined, { ref: false });
      return await execute(request);
    case "hang":
      await gone(outgoing);
      return RESPONSE_ALREADY_SENT;
    case "drop":
      await execute(request);
      outgoing.destroy();
      return RESPONSE_ALREADY_SENT;
    case "half":
      await sendHalf(await execute(request), outgoing);
      return RESPONSE_ALREADY_SENT;
    case "reset":
      outgoing.socket?.resetAndDestroy();
      return RESPONSE_ALREADY_SENT;
    case "unauthorized":
      return Response.json({ error: WRONG_TOKEN }, { status: 401 });
    case "too-many":
      return Response.json({ error: QUOTA_USED_UP }, { status: 429 });
    case "quota":
      return Response.json({ error: QUOTA_USED_UP }, { status: 400 });
    case "html":
      return new Response(ERROR_PAGE, {
        status: 500,
        headers: { "Content-Type": "text/html; charset=utf-8" },
      });
    case "flush-scripts":
      await scene.flushScripts();
      return await execute(request);
  }
}

async function gone(outgoing: ServerResponse): Promise<void> {
  if (!outgoing.closed) await once(outgoing, "close");
}

async function sendHalf(response: Response, outgoing: ServerResponse): Promise<void> {
  const body = Buffer.from(await response.arrayBuffer());
  outgoing.writeHead(response.status, {
    ...Object.fromEntries(response.headers),
    "Content-Length": body.length,
  });
  const half = body.subarray(0, Math.floor(body.length / 2));
  await new Promise((resolve) => outgoing.write(half, resolve));
  outgoing.destroy();
}
