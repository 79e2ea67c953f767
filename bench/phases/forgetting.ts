import { setTimeout as sleep } from "node:timers/promises";
import type { Contender, Limit } from "../contenders.ts";
import { createLoad, type Load } from "../load.ts";
import type { Performer, Stage } from "../stage.ts";

const LIMIT: Limit = { count: 10, windowSeconds: 3_600 };
const USED = 6;
const KEYS = 20;
/** After ten seconds without a request the platform throws an object's memory away. */
const SILENCE_MS = 12_000;
/** What is on its way to the disk gets there: a restart is no crash. */
const SETTLE_MS = 500;
/** Longer than a circuit breaker stays open. */
const TRIES = 60;

/** About how long all of it takes. */
export const FORGETTING_MS = SILENCE_MS + 5_000;

/** Of how many keys the count was lost. */
export interface Forgotten {
  readonly keys: number;
  readonly silence: number;
  readonly restart: number;
}

/** Uses up most of each key's limit, waits or restarts the process, and sees whether more than the rest is admitted. */
export async function measureForgetting(
  stage: Stage,
  contenders: readonly Contender[],
): Promise<ReadonlyMap<string, Forgotten>> {
  const rows = await Promise.all(contenders.map((contender) => forgottenBy(stage, contender)));
  return new Map(rows.map((forgotten, i) => [contenders[i]?.id ?? "", forgotten]));
}

async function forgottenBy(stage: Stage, contender: Contender): Promise<Forgotten> {
  const load = createLoad(KEYS);
  const options = { limit: LIMIT, storage: `forgetting-${contender.id}` };
  let performer = await stage.start(contender, options);
  try {
    await use(performer, load, "restart");
    await sleep(SETTLE_MS);
    await performer.worker.stop();
    performer = await stage.start(contender, options);
    const restart = await countForgotten(performer, load, "restart");
    await use(performer, load, "silence");
    await sleep(SILENCE_MS);
    const silence = await countForgotten(performer, load, "silence");
    return { keys: KEYS, silence, restart };
  } finally {
    load.close();
    await performer.worker.stop();
  }
}

type Test = "silence" | "restart";

async function use(performer: Performer, load: Load, test: Test): Promise<void> {
  for (let i = 0; i < USED; i++) await askAll(performer, load, test);
}

async function countForgotten(performer: Performer, load: Load, test: Test): Promise<number> {
  const admitted = Array.from({ length: KEYS }, () => 0);
  for (let i = 0; i < LIMIT.count; i++) {
    for (const [key, isAdmitted] of (await askAll(performer, load, test)).entries())
      if (isAdmitted) admitted[key] = (admitted[key] ?? 0) + 1;
  }
  return admitted.filter((count) => count > LIMIT.count - USED).length;
}

/** One request of each key: whether it was admitted. */
const askAll = (performer: Performer, load: Load, test: Test): Promise<boolean[]> =>
  Promise.all(Array.from({ length: KEYS }, (_, key) => ask(performer, load, test, key)));

/**
 * Asks again when a busy machine kept the store waiting too long. One more may be counted then, which can only hide that
 * something was forgotten.
 */
async function ask({ contestant, worker }: Performer, load: Load, test: Test, key: number): Promise<boolean> {
  let answer = "";
  for (let i = 0; i < TRIES; i++) {
    answer = await load.one(worker.url, key, callerOf(test, key));
    if (answer.startsWith("200")) return true;
    if (answer.startsWith("429")) return false;
    await sleep(SETTLE_MS);
  }
  throw new Error(`(${contestant.id}) answered ${answer}, ${TRIES} times`);
}

function callerOf(test: Test, key: number) {
  const network = test === "silence" ? "198.51.100" : "203.0.113";
  return { headers: { "CF-Connecting-IP": `${network}.${key}`, "X-User-Id": `${test}-${key}` } };
}
