import { compressedBytes } from "./bundles.ts";
import { admits, asksAfar, type Contender, NEVER_REACHED } from "./contenders.ts";
import { CALLERS } from "./load.ts";
import { ATTACK_MS, attack } from "./phases/adversaries.ts";
import { countCalls } from "./phases/calls.ts";
import { type CpuSamples, measureCpu } from "./phases/cpu.ts";
import { FORGETTING_MS, measureForgetting } from "./phases/forgetting.ts";
import { measureLatency } from "./phases/latency.ts";
import { measureStarts } from "./phases/start-time.ts";
import type { PlannedPhase, Progress } from "./progress.ts";
import type { Measured } from "./results.ts";
import type { Settings } from "./settings.ts";
import type { Performer, Stage } from "./stage.ts";
import { setStoreDelay } from "./store-delay.ts";

/** Measured on 2 cores: for how long one request of the load keeps the machine busy, its Worker, origin and store. */
const SECONDS_PER_REQUEST = 0.0004;
const SECONDS_TO_BUILD = 1.2;
const SECONDS_TO_START = 0.1;

const BUILD = "building";
const CPU = "CPU time, no delay";
const CALLS = "calls and commands";
const delayed = (ms: number) => `CPU time, store delay ${ms} ms`;
const LATENCY = "waiting, store delay 20 ms";
const ATTACKS = "adversaries, silence and restart";
const STARTS = "start to first answer";

/** The delay at which callers' waiting is measured. */
const WAITING_DELAY_MS = 20;

/** What a run will do, and for about how long. */
export function planOf(settings: Settings): PlannedPhase[] {
  const { contenders, requests, delayRequests } = settings;
  const afar = contenders.filter((one, i) => i === 0 || asksAfar(one)).length;
  const sending = (rows: number, each: number) => rows * (each + CALLERS) * SECONDS_PER_REQUEST;
  const groups = Math.ceil(contenders.filter(admits).length / settings.attackedAtOnce);
  return [
    { name: BUILD, seconds: new Set(contenders.map(({ peer }) => peer)).size * SECONDS_TO_BUILD },
    { name: CPU, seconds: sending(contenders.length, requests) * (settings.cpuRounds + 1) },
    { name: CALLS, seconds: sending(afar, delayRequests) },
    ...settings.delays.map((ms) => ({
      name: delayed(ms),
      seconds: sending(afar, delayRequests) * (settings.delayRounds + 1) * (1 + ms / 20),
    })),
    { name: LATENCY, seconds: afar * settings.latencyRounds * (settings.latencySeconds + 0.4) },
    { name: ATTACKS, seconds: Math.max(groups * ATTACK_MS, FORGETTING_MS) / 1_000 },
    { name: STARTS, seconds: contenders.length * settings.startRounds * SECONDS_TO_START },
  ];
}

/** Measures everything. */
export async function runAll(stage: Stage, settings: Settings, progress: Progress): Promise<Measured> {
  const { contenders, cpuRounds, requests } = settings;
  const step = progress.step;
  const bundleBytes = buildAll(stage, contenders, progress);
  const cpu = new Map<number, CpuSamples>();

  progress.begin(CPU);
  const withoutDelay = await stage.withAll(contenders, { limit: NEVER_REACHED }, (performers) =>
    measureCpu(performers, { rounds: cpuRounds, requests, step }),
  );
  cpu.set(0, withoutDelay);

  const afar = contenders.filter((one, i) => i === 0 || asksAfar(one));
  const overNetwork = await stage.withAll(afar, { limit: NEVER_REACHED, network: true }, (performers) =>
    measureOverNetwork(stage, performers, settings, progress),
  );
  for (const [delayMs, samples] of overNetwork.cpu) cpu.set(delayMs, samples);

  const admitting = contenders.filter(admits);
  progress.begin(ATTACKS);
  const [admitted, forgotten] = await Promise.all([
    attack(stage, admitting, { atOnce: settings.attackedAtOnce, step }),
    measureForgetting(stage, admitting),
  ]);
  progress.begin(STARTS);
  const starts = await measureStarts(stage, contenders, { rounds: settings.startRounds, step });
  return {
    cpu,
    calls: overNetwork.calls,
    latency: overNetwork.latency,
    admitted,
    forgotten,
    starts,
    bundleBytes,
  };
}

function buildAll(stage: Stage, contenders: readonly Contender[], progress: Progress): Map<string, number> {
  progress.begin(BUILD);
  return new Map(
    contenders.map((contender, i) => {
      progress.step(i / contenders.length, contender.id);
      return [contender.id, compressedBytes(stage.build(contender))];
    }),
  );
}

/** What needs a network between a Worker and its store: one without delay to count calls, and slower ones. */
async function measureOverNetwork(
  stage: Stage,
  performers: readonly Performer[],
  settings: Settings,
  progress: Progress,
): Promise<Pick<Measured, "cpu" | "calls" | "latency">> {
  const { delayRequests: requests, delayRounds, latencyRounds, latencySeconds } = settings;
  const step = progress.step;
  progress.begin(CALLS);
  const calls = await countCalls(performers, stage.redis, requests);
  const cpu = new Map<number, CpuSamples>();
  try {
    for (const delayMs of settings.delays) {
      progress.begin(delayed(delayMs));
      await setStoreDelay(performers, stage.redis, delayMs);
      cpu.set(delayMs, await measureCpu(performers, { rounds: delayRounds, requests, step }));
    }
    progress.begin(LATENCY);
    await setStoreDelay(performers, stage.redis, WAITING_DELAY_MS);
    const plan = { rounds: latencyRounds, seconds: latencySeconds, step };
    return { cpu, calls, latency: await measureLatency(performers, plan) };
  } finally {
    await setStoreDelay(performers, stage.redis, 0);
  }
}
