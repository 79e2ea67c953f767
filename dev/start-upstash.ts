import { randomUUID } from "node:crypto";
import { untilInterrupted } from "./interrupted.ts";
import { startWeir } from "./start-weir.ts";
import { type RedisServer, startRedis } from "./upstash/redis-server.ts";
import { startUpstashRest, type UpstashRest } from "./upstash/upstash-rest.ts";

// As `npm start`, but counting in a Redis of its own behind the local Upstash REST server.
process.exit(await startAll(untilInterrupted()));

async function startAll(interrupted: Promise<void>): Promise<number> {
  let redis: RedisServer | undefined;
  let rest: UpstashRest | undefined;
  try {
    redis = await startRedis({ detached: true });
    rest = await startUpstashRest({ redisUrl: redis.url, token: randomUUID() });
    return await startWeir({
      env: { ...process.env, ...storeVariables(rest) },
      interrupted,
      command: "npm run start:upstash",
      more: [
        ["Monitor", `redis-cli -p ${redis.port} monitor`],
        ["Kill Redis", `kill ${redis.pid}, and see Weir go on without it`],
        [
          "Restart",
          `redis-server --port ${redis.port} --bind 127.0.0.1 --save '', and see Weir find it again`,
        ],
      ],
    });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  } finally {
    await rest?.close();
    await redis?.stop();
  }
}

function storeVariables({ url, token }: UpstashRest) {
  return { STORE: "upstash", UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token };
}
