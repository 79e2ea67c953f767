import { setTimeout as sleep } from "node:timers/promises";
import {
  ADVERSARIES,
  type Admission,
  type Adversary,
  type Loot,
  mostWithin,
  WINDOWS,
} from "../adversaries.ts";
import type { Contender, Limit } from "../contenders.ts";
import { createLoad, type Load } from "../load.ts";
import type { Performer, Stage } from "../stage.ts";

export const ATTACKED: Limit = { count: 10, windowSeconds: 3 };

export interface AttackPlan {
  /** How many Workers are attacked at a time. */
  readonly atOnce: number;
  readonly step: (done: number, text: string) => void;
}

/** What each adversary got, by name. */
export type Loots = Readonly<Record<string, Loot>>;

/** Sets every adversary on every row, with a caller of its own. The origin tells what was admitted, and when. */
export async function attack(
  stage: Stage,
  contenders: readonly Contender[],
  { atOnce, step }: AttackPlan,
): Promise<ReadonlyMap<string, Loots>> {
  const rows = new Map<string, Loots>();
  for (let first = 0; first < contenders.length; first += atOnce) {
    const group = contenders.slice(first, first + atOnce);
    step(first / contenders.length, group.map(({ id }) => id).join(", "));
    await stage.withAll(group, { limit: ATTACKED }, async (performers) => {
      for (const [id, admitted] of await attackAll(stage, performers)) rows.set(id, admitted);
    });
  }
  return rows;
}

async function attackAll(stage: Stage, performers: readonly Performer[]): Promise<[string, Loots][]> {
  const windowMs = ATTACKED.windowSeconds * 1_000;
  const load = createLoad(Number.POSITIVE_INFINITY);
  const startMs = Math.ceil(nowMs() / windowMs) * windowMs;
  try {
    const sending = performers.map((performer) =>
      Promise.all(
        ADVERSARIES.map((adversary, caller) => sendAll({ performer, adversary, caller }, load, startMs)),
      ),
    );
    const sent = await Promise.all(sending);
    const arrivals = await stage.origin.takeNoted();
    return performers.map(({ contestant }, i) => [
      contestant.id,
      Object.fromEntries(
        ADVERSARIES.map(({ name }, caller) => [name, lootOf(sent[i]?.[caller] ?? [], arrivals, windowMs)]),
      ),
    ]);
  } finally {
    load.close();
  }
}

function lootOf(sent: readonly Sent[], arrivals: ReadonlyMap<string, number>, windowMs: number): Loot {
  const admissions = sent.flatMap(({ path, sentMs }): Admission[] => {
    const arrivedMs = arrivals.get(path);
    return arrivedMs === undefined ? [] : [{ sentMs, arrivedMs }];
  });
  return { most: mostWithin(admissions, windowMs), failed: sent.filter(({ failed }) => failed).length };
}

interface Attack {
  readonly performer: Performer;
  readonly adversary: Adversary;
  /** Tells its caller apart from those of the others. */
  readonly caller: number;
}

interface Sent {
  readonly path: string;
  readonly sentMs: number;
  readonly failed: boolean;
}

/** Sends everything at its time and waits for the answers. Rejects when there is none. */
async function sendAll(
  { performer: { contestant, worker }, adversary, caller }: Attack,
  load: Load,
  startMs: number,
): Promise<Sent[]> {
  const headers = { "CF-Connecting-IP": `203.0.113.${caller + 1}`, "X-User-Id": `adversary-${caller}` };
  const sending = adversary.sends(ATTACKED.count).map(async (at, i): Promise<Sent> => {
    const path = `/noted/${contestant.id}/${caller}/${i}`;
    await sleep(Math.max(0, startMs + at * ATTACKED.windowSeconds * 1_000 - nowMs()));
    const sentMs = nowMs();
    const answer = await load.one(worker.url, caller, { headers, path });
    return { path, sentMs, failed: !/^(200|429)/.test(answer) };
  });
  return await Promise.all(sending);
}

/** With fractions, as the origin's clock. */
const nowMs = (): number => performance.timeOrigin + performance.now();

/** Milliseconds for one group. */
export const ATTACK_MS = (WINDOWS + 1) * ATTACKED.windowSeconds * 1_000;
