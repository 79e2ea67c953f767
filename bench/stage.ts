import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type RunningRedis, startLocalRedis } from "../test/support/local-store.ts";
import { type RunningWorker, startWorker } from "../test/support/workerd.ts";
import type { Contender, Limit } from "./contenders.ts";
import { type RunningOrigin, startOrigin } from "./running-origin.ts";

/** Where there is a file system in memory, no disk has a part in the figures. */
const MEMORY = "/dev/shm";
const OBJECT_NETWORK = resolve(import.meta.dirname, "object-network.js");

/**
 * A busy machine is no broken store: Weir waits for it, as long as its peers do. When a store fails nevertheless it
 * shows, as an answer that stops the run.
 */
const NO_LADDER = { STORE_TIMEOUT: "10s", ON_STORE_ERROR: "closed" };

export interface Performer {
  readonly contestant: Contender;
  readonly worker: RunningWorker;
}

export interface StartOptions {
  readonly limit: Limit;
  /** Name of a folder that keeps what objects store, from one start to the next. Default: a new one. */
  readonly storage?: string;
  /** Puts `object-network.js` in front of a Worker with objects. */
  readonly network?: boolean;
  readonly inspect?: boolean;
}

/** What all phases share: an origin, a Redis, and the built Workers. */
export interface Stage {
  readonly origin: RunningOrigin;
  readonly redis: RunningRedis;
  /** A folder that is removed in the end. */
  readonly folder: string;
  /** Where a contender's script is; built at the first call. */
  build(contender: Contender): string;
  start(contender: Contender, options: StartOptions): Promise<Performer>;
  /** Starts several, hands them to `use`, and stops them whatever happens. */
  withAll<T>(
    contenders: readonly Contender[],
    options: StartOptions,
    use: (performers: readonly Performer[]) => Promise<T>,
  ): Promise<T>;
  /** Stops whatever is still running. */
  close(): Promise<void>;
}

/** @param build builds a contender into the stage's folder, and returns where its script is */
export async function openStage(build: (contender: Contender, folder: string) => string): Promise<Stage> {
  const folder = await mkdtemp(join(existsSync(MEMORY) ? MEMORY : tmpdir(), "weir-bench-"));
  const [origin, redis] = await Promise.all([startOrigin(), startLocalRedis()]);
  /** Every worker that was started and not stopped, also those that do not listen yet. */
  const started = new Set<Promise<RunningWorker>>();
  let storages = 0;
  let isClosed = false;

  async function start(contender: Contender, options: StartOptions): Promise<Performer> {
    const { limit, storage = `storage-${storages++}`, network = false, inspect = false } = options;
    const { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN } = redis.vars;
    if (isClosed) throw new Error("the stage is closed");
    const starting = startWorker({
      script: build(contender, folder),
      storage: join(folder, storage),
      vars: {
        ORIGIN: origin.url,
        ...(contender.store === "redis" && {
          UPSTASH_REDIS_REST_URL,
          UPSTASH_REDIS_REST_TOKEN,
          // No counts are those of another row or start.
          NAMESPACE: `${contender.id}-${storage}`,
        }),
        ...(contender.peer === undefined && NO_LADDER),
        ...contender.vars(limit),
      },
      inspect,
      ...(network && contender.store === "objects" && { front: OBJECT_NETWORK }),
    });
    started.add(starting);
    const worker = await starting.catch((error: Error) => {
      throw new Error(`(${contender.id}) does not start: ${error.message}`);
    });
    const stop = async () => {
      started.delete(starting);
      await worker.stop();
    };
    return { contestant: contender, worker: { ...worker, stop } };
  }

  return {
    origin,
    redis,
    folder,
    build: (contender) => build(contender, folder),
    start,
    async withAll(contenders, options, use) {
      const starting = contenders.map((contender) => start(contender, options));
      try {
        return await use(await Promise.all(starting));
      } finally {
        for (const result of await Promise.allSettled(starting))
          if (result.status === "fulfilled") await result.value.worker.stop();
      }
    },
    async close() {
      isClosed = true;
      for (const result of await Promise.allSettled(started))
        if (result.status === "fulfilled") await result.value.stop();
      await redis.stop();
      await origin.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
