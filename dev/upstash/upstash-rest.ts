import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createAdaptorServer, type ServerType } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { callsPerCommand } from "./command-calls.ts";
import { type CommandRunner, createCommandRunner } from "./command-runner.ts";
import { createFaultRoutes, FAULTS_PATH } from "./fault-routes.ts";
import { createFaults, type Faults } from "./faults.ts";
import { type Command, connectRedis, type RedisConnection } from "./redis-connection.ts";
import { type Outcome, outcomeJson } from "./reply-json.ts";
import { type Parsed, parseCommand, parsePathCommand, parsePipeline } from "./rest-commands.ts";
import { allowMethods, requireJsonFormat, requireToken, syncToken } from "./rest-middleware.ts";
import { createSabotage } from "./sabotage.ts";

const HOST = "127.0.0.1";
const WITH_BODY = ["POST", "PUT"];
const KEEP_ALIVE_MS = 65_000;

export type UpstashRest = {
  url: string;
  token: string;
  faults: Faults;
  /** HTTP calls since the start or the last `resetStats`, with those that a fault hit, without those to set faults. */
  readonly requests: number;
  /** How often Redis ran each command, also inside scripts; subcommands are named like `script|load`. */
  commandStats: () => Promise<Record<string, number>>;
  resetStats: () => Promise<void>;
  /** Ends open requests too; the Redis behind goes on. */
  close: () => Promise<void>;
};

/** The REST API of Upstash in front of one Redis. */
export function createUpstashRest({ redis, token }: { redis: RedisConnection; token: string }): Hono {
  const runner = createCommandRunner(redis);
  const app = new Hono();
  app.use(allowMethods, requireToken(token), requireJsonFormat, syncToken());
  app.on(WITH_BODY, "/", async (c) => single(c, runner, parseCommand(await c.req.text())));
  app.on(WITH_BODY, "/pipeline", async (c) => {
    const commands = parsePipeline(await c.req.text());
    return answer(c, commands.ok ? await runner.pipeline(commands.value) : { error: commands.problem });
  });
  app.on(WITH_BODY, "/multi-exec", async (c) => {
    const commands = parsePipeline(await c.req.text());
    return answer(c, commands.ok ? await runner.transaction(commands.value) : { error: commands.problem });
  });
  app.all("/*", async (c) => {
    const body = Buffer.from(await c.req.arrayBuffer());
    return await single(c, runner, parsePathCommand(new URL(c.req.url), body));
  });
  app.onError((error, c) => c.json({ error: `ERR the local server failed: ${error.message}` }, 500));
  return app;
}

/** Starts the REST API on this machine only, in front of a running Redis; port 0 takes a free one. */
export async function startUpstashRest(options: { redisUrl: string; token: string; port?: number }) {
  const { redisUrl, token, port = 0 } = options;
  const redis = await connectRedis(redisUrl);
  const faults = createFaults();
  const { server, requests } = createServer({ redis, token, faults });
  try {
    server.listen(port, HOST);
    await once(server, "listening");
  } catch (error) {
    await redis.close();
    throw error;
  }
  const upstash: UpstashRest = {
    url: `http://${HOST}:${(server.address() as AddressInfo).port}`,
    token,
    faults,
    get requests() {
      return requests.count;
    },
    commandStats: async () => callsPerCommand(String(await redis.send(["INFO", "commandstats"]))),
    resetStats: async () => {
      requests.count = 0;
      await redis.send(["CONFIG", "RESETSTAT"]);
    },
    close: async () => {
      await closeServer(server);
      await redis.close();
    },
  };
  return upstash;
}

function createServer({ redis, token, faults }: { redis: RedisConnection; token: string; faults: Faults }) {
  const app = createUpstashRest({ redis, token });
  const faultRoutes = createFaultRoutes(faults, token);
  const serveWithFaults = createSabotage({ app, faults, token });
  const requests = { count: 0 };
  const server = createAdaptorServer({
    // Node's five seconds are as long as some clients keep an idle connection: both ends would race to close it.
    serverOptions: { keepAliveTimeout: KEEP_ALIVE_MS },
    fetch: async (request, env) => {
      if (new URL(request.url).pathname === FAULTS_PATH) return await faultRoutes.fetch(request);
      requests.count += 1;
      return await serveWithFaults(request, env.outgoing);
    },
  });
  return { server, requests };
}

async function closeServer(server: ServerType): Promise<void> {
  const closed = once(server, "close");
  server.close();
  // Without this, kept-alive and hanging connections would hold the server.
  if ("closeAllConnections" in server) server.closeAllConnections();
  await closed;
}

async function single(c: Context, runner: CommandRunner, command: Parsed<Command>) {
  return answer(c, command.ok ? await runner.one(command.value) : { error: command.problem });
}

// A list is the answer to a batch: each entry has its own error, and the request as a whole went well.
function answer(c: Context, outcome: Outcome | Outcome[]): Response {
  const base64 = c.req.header("Upstash-Encoding") === "base64";
  const json = Array.isArray(outcome)
    ? `[${outcome.map((entry) => outcomeJson(entry, base64)).join(",")}]`
    : outcomeJson(outcome, base64);
  const status = Array.isArray(outcome) || "result" in outcome ? 200 : 400;
  return c.body(json, status, { "Content-Type": "application/json" });
}
