import { setTimeout as sleep } from "node:timers/promises";
import type { StoreName } from "../src/config/config.ts";
import type { Algorithm, Quota } from "../src/limit/quota.ts";
import { type Answers, ask, count, createInstances, type Instance } from "../test/support/instances.ts";
import type { Fleet } from "./fleet.ts";

export const LIMIT = 30;
const WINDOWS = 2;
/** How much faster than the limit the caller is. */
const EXCESS = 2;
const REQUESTS = LIMIT * WINDOWS * EXCESS;

/** One caller on one store with one algorithm. */
export interface Line {
  readonly store: StoreName;
  readonly quota: Quota;
  /** When each request left, epoch milliseconds. */
  readonly sentMs: number[];
  readonly answers: Answers;
}

export function createLine(store: StoreName, algorithm: Algorithm, windowMs: number): Line {
  const quota = { algorithm, limit: LIMIT, windowMs, burst: LIMIT };
  return { store, quota, sentMs: [], answers: new Map() };
}

/**
 * Lets each caller send twice what its limit admits, evenly for two windows, to the instances in turn. All at the
 * same time, a little apart. Never rejects.
 */
export async function runPaced(fleet: Fleet, lines: readonly Line[]): Promise<void> {
  const startMs = Date.now();
  await Promise.all(
    lines.map((line, i) => {
      const pauseMs = line.quota.windowMs / (LIMIT * EXCESS);
      return sendEvenly(fleet.get(line.store) ?? [], line, startMs + (pauseMs * i) / lines.length, pauseMs);
    }),
  );
}

async function sendEvenly(urls: readonly string[], line: Line, startMs: number, pauseMs: number) {
  const instances = createInstances(urls);
  const asked: Promise<void>[] = [];
  for (let i = 0; i < REQUESTS; i++) {
    await sleep(Math.max(0, startMs + i * pauseMs - Date.now()));
    const instance = instances[i % instances.length] as Instance;
    line.sentMs.push(Date.now());
    // Not waited for: a slow answer must not slow down the caller.
    const { algorithm } = line.quota;
    asked.push(
      ask(instance, `/${algorithm}`, `caller-${algorithm}`).then((answer) => count(line.answers, answer)),
    );
  }
  await Promise.all(asked);
  for (const { agent } of instances) agent.destroy();
}

/** How far all of them are. */
export function soFar(lines: readonly Line[]): string {
  const sent = lines.reduce((sum, line) => sum + line.sentMs.length, 0);
  const sum = (answer: string) => lines.reduce((total, { answers }) => total + (answers.get(answer) ?? 0), 0);
  return `sent ${sent} of ${lines.length * REQUESTS}, allowed ${sum("allowed")}, refused ${sum("refused")}`;
}
