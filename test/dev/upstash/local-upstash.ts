import { afterAll, beforeAll, beforeEach } from "vitest";
import { type RedisServer, startRedis } from "../../../dev/upstash/redis-server.ts";
import { startUpstashRest, type UpstashRest } from "../../../dev/upstash/upstash-rest.ts";

export const TOKEN = "test-token";

/** A Redis and a REST server for the whole file, emptied before each test. */
export function useLocalUpstash(): () => UpstashRest {
  let redis: RedisServer | undefined;
  let upstash: UpstashRest | undefined;
  const running = () => {
    if (upstash === undefined) throw new Error("The local Upstash does not run yet.");
    return upstash;
  };
  beforeAll(async () => {
    redis = await startRedis();
    upstash = await startUpstashRest({ redisUrl: redis.url, token: TOKEN });
  });
  beforeEach(async () => {
    running().faults.clear();
    await post(running(), "/pipeline", [["FLUSHALL"], ["SCRIPT", "FLUSH"]]);
    await running().resetStats();
  });
  afterAll(async () => {
    await upstash?.close();
    await redis?.stop();
  });
  return running;
}

/** Posts JSON with the token. */
export async function post(
  upstash: UpstashRest,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
) {
  return await fetch(upstash.url + path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { Authorization: `Bearer ${TOKEN}`, ...headers },
  });
}

/** What the server answers to one command. */
export async function run(upstash: UpstashRest, ...command: unknown[]): Promise<unknown> {
  return await (await post(upstash, "/", command)).json();
}
