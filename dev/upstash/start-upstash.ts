import { once } from "node:events";
import { startRedis } from "./redis-server.ts";
import { startUpstashRest } from "./upstash-rest.ts";

const DEFAULT_PORT = 8079;
const TOKEN = "local-token";

// For trying things by hand: a Redis of its own and the REST server in front of it, until Ctrl-C.
const redis = await startRedis().catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
const port = Number(process.argv[2] ?? DEFAULT_PORT);
const upstash = await startUpstashRest({ redisUrl: redis.url, token: TOKEN, port }).catch(
  async (error: Error) => {
    await redis.stop();
    console.error(`The REST server did not start: ${error.message}`);
    process.exit(1);
  },
);
console.log(`UPSTASH_REDIS_REST_URL=${upstash.url}
UPSTASH_REDIS_REST_TOKEN=${upstash.token}
The Redis behind it listens on ${redis.url} (Ctrl-C to stop).`);

await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
await upstash.close();
await redis.stop();
