import { afterAll, beforeAll } from "vitest";
import { type FaultyObjects, SLOW_MS, startFaultyObjects } from "./faulty-objects.ts";
import { type RunningRedis, startLocalRedis, testedStore } from "./local-store.ts";
import { type Origin, startOrigin } from "./origin.ts";
import { type RunningWorker, startWorker, type WorkerOptions } from "./workerd.ts";

/** Weir in front of an origin, on a store that fails when the test says so. */
export interface BreakableGateway {
  readonly origin: Origin;
  readonly weir: RunningWorker;
  /** Calls of the store since the start or the last `resetCalls`. On Durable Objects only those to take. */
  readonly storeCalls: number;
  resetCalls(): Promise<void>;
  /** Every call of the store fails from now on, for policies of these names. */
  breakStore(...policies: readonly string[]): void;
  /** Every call takes `SLOW_MS` from now on, for policies of these names. */
  slowStore(...policies: readonly string[]): void;
  mendStore(): void;
}

/** Starts all parts before the tests, on the store that is tested, and stops them afterwards. */
export function useBreakableGateway(vars: WorkerOptions["vars"]): BreakableGateway {
  const started: { origin?: Origin; weir?: RunningWorker; redis?: RunningRedis; objects?: FaultyObjects } =
    {};
  let callsBefore = 0;

  beforeAll(async () => {
    started.origin = await startOrigin();
    if (testedStore === "upstash") started.redis = await startLocalRedis();
    else started.objects = await startFaultyObjects();
    started.weir = await startWorker({
      ...(started.objects && { script: started.objects.script }),
      vars: { ORIGIN: started.origin.url, ...started.redis?.vars, ...vars },
    });
  });
  afterAll(async () => {
    await started.weir?.stop();
    await started.origin?.close();
    await started.redis?.stop();
    await started.objects?.stop();
  });

  const calls = () => started.redis?.rest.requests ?? started.objects?.takes ?? 0;
  return {
    get origin() {
      return running(started.origin);
    },
    get weir() {
      return running(started.weir);
    },
    get storeCalls() {
      return calls() - callsBefore;
    },
    async resetCalls() {
      await started.redis?.rest.resetStats();
      callsBefore = calls();
    },
    breakStore(...policies) {
      started.redis?.rest.faults.set({ kind: "reset" });
      for (const policy of policies) started.objects?.set(policy, "throw");
    },
    slowStore(...policies) {
      started.redis?.rest.faults.set({ kind: "delay", ms: SLOW_MS });
      for (const policy of policies) started.objects?.set(policy, "slow");
    },
    mendStore() {
      started.redis?.rest.faults.clear();
      started.objects?.clear();
    },
  };
}

function running<T>(part: T | undefined): T {
  if (part === undefined) throw new Error("only usable inside a test");
  return part;
}
