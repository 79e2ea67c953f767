import { afterAll, beforeAll, expect } from "vitest";
import { type RunningRedis, startLocalRedis, testedStore } from "./local-store.ts";
import { type Origin, startOrigin } from "./origin.ts";
import { type RunningWorker, startWorker, type WorkerOptions } from "./workerd.ts";

export type Send = (path: string, init?: RequestInit & { readonly from?: string }) => Promise<Response>;

/** Weir in workerd in front of a real origin, for the tests of one file or `describe` block. */
export interface Gateway {
  readonly origin: Origin;
  readonly weir: RunningWorker;
  /** Only where the tests run on Redis. */
  readonly redis: RunningRedis | undefined;
  /** Sends a request, by default from an address of its own, and never follows a redirect. */
  readonly send: Send;
}

let addresses = 0;

/** An address that no other test has used. */
export function newAddress(): string {
  addresses += 1;
  return `198.18.${addresses >> 8}.${addresses & 255}`;
}

/** Starts all parts before the tests, on the store that is tested, and stops them afterwards. */
export function useGateway(vars: WorkerOptions["vars"], store = testedStore): Gateway {
  const started: { origin?: Origin; weir?: RunningWorker; redis?: RunningRedis } = {};
  const identities = new Set<string>();

  beforeAll(async () => {
    started.origin = await startOrigin();
    if (store === "upstash") started.redis = await startLocalRedis();
    started.weir = await startWorker({
      vars: { ORIGIN: started.origin.url, ...started.redis?.vars, ...vars },
    });
  });
  afterAll(async () => {
    await started.weir?.stop();
    await started.origin?.close();
    if (started.redis) await expectTidy(started.redis, identities);
    await started.redis?.stop();
  });

  return {
    get origin() {
      return running(started.origin);
    },
    get weir() {
      return running(started.weir);
    },
    get redis() {
      return started.redis;
    },
    send(path, { from = newAddress(), ...init } = {}) {
      const headers = new Headers(init.headers);
      for (const [name, value] of headers) if (name.startsWith("x-")) identities.add(value);
      identities.add(from);
      if (!headers.has("cf-connecting-ip")) headers.set("CF-Connecting-IP", from);
      return fetch(running(started.weir).url + path, { redirect: "manual", ...init, headers });
    },
  };
}

/** What Redis says of a key without an expiry. */
const NEVER_EXPIRES = -1;

/** Whatever the tests did: every key expires, and nothing that tells who called is in Redis. */
async function expectTidy(redis: RunningRedis, identities: ReadonlySet<string>): Promise<void> {
  const entries = await redis.entries();
  expect(entries.filter(({ ttlMs }) => ttlMs === NEVER_EXPIRES)).toEqual([]);
  const stored = entries.map(({ key, value }) => `${key}\n${value}`).join("\n");
  // Shorter ones occur in digests by chance.
  const found = [...identities].filter(
    (identity) => identity.trim().length > 4 && stored.includes(identity.trim()),
  );
  expect(found).toEqual([]);
}

function running<T>(part: T | undefined): T {
  if (part === undefined) throw new Error("only usable inside a test");
  return part;
}
