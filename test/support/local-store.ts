import { createClient } from "@redis/client";
import { startRedis } from "../../dev/upstash/redis-server.ts";
import { startUpstashRest, type UpstashRest } from "../../dev/upstash/upstash-rest.ts";

/** The stores that end-to-end tests run on, one vitest project for each. */
export type TestedStore = "durable-object" | "upstash";

export const testedStore: TestedStore =
  process.env.WEIR_TEST_STORE === "upstash" ? "upstash" : "durable-object";

/** Everything in a Redis: each key with its value and remaining life (negative: it never expires). */
export interface StoredEntry {
  readonly key: string;
  readonly value: string;
  readonly ttlMs: number;
}

export interface RunningRedis {
  /** The variables that make Weir use it. */
  readonly vars: Readonly<Record<string, string>>;
  readonly rest: UpstashRest;
  /** Ends the Redis alone, as a crash would; the REST server stays. */
  killRedis(): Promise<void>;
  /** Starts it again on its port, empty. */
  restartRedis(): Promise<void>;
  entries(): Promise<StoredEntry[]>;
  stop(): Promise<void>;
}

/** A real Redis behind the local Upstash REST server. */
export async function startLocalRedis(): Promise<RunningRedis> {
  let redis = await startRedis();
  const rest = await startUpstashRest({ redisUrl: redis.url, token: "test-token" });
  return {
    vars: { STORE: "upstash", UPSTASH_REDIS_REST_URL: rest.url, UPSTASH_REDIS_REST_TOKEN: rest.token },
    rest,
    killRedis: () => redis.stop(),
    async restartRedis() {
      redis = await startRedis({ port: redis.port });
    },
    entries: () => readEntries(redis.url),
    async stop() {
      await rest.close();
      await redis.stop();
    },
  };
}

async function readEntries(url: string): Promise<StoredEntry[]> {
  const client = await createClient({ url }).connect();
  const keys = await client.keys("*");
  const entries = await Promise.all(
    keys.map(async (key) => ({ key, value: (await client.get(key)) ?? "", ttlMs: await client.pTTL(key) })),
  );
  client.destroy();
  return entries;
}
