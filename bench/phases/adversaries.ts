import { setTimeout as sleep } from "node:timers/promises";
import { ADVERSARIES, type Admission, type Adversary, mostWithin, WINDOWS } from "../adversaries.ts";
import type { Contender, Limit } from "../contenders.ts";
import { createLoad, type Load } from "../load.ts";
import type { Performer, Stage } from "../stage.ts";

export const ATTACKED: Limit = { count: 10, windowSeconds: 3 };

export interface AttackPlan {
  /** How many Workers are attacked at a time. */
  readonly atOnce: number;
  readonly step: (done: number, text: string) => void;
}

/** The most that each adversary had admitted within one window, by name. */
export type Admitted = Readonly<Record<string, number>>;

/** Sets every adversary on every row, with a caller of its own. The origin tells what was admitted, and when. */
export async function attack(
  stage: Stage,
  contenders: readonly Contender[],
  { atOnce, step }: AttackPlan,
): Promise<ReadonlyMap<string, Admitted>> {
  const rows = new Map<string, Admitted>();
  for (let first = 0; first < contenders.length; first += atOnce) {
    const group = contenders.slice(first, first + atOnce);
    step(first / contenders.length, group.map(({ id }) => id).join(", "));
    await stage.withAll(group, { limit: ATTACKED }, async (performers) => {
      for (const [id, admitted] of await attackAll(stage, performers)) rows.set(id, admitted);
    });
  }
  return rows;
}

async function attackAll(stage: Stage, performers: readonly Performer[]): Promise<[string, Admitted][]> {
  const windowMs = ATTACKED.windowSeconds * 1_000;
  const load = createLoad(Number.POSITIVE_INFINITY);
  const startMs = Math.ceil(nowMs() / windowMs) * windowMs;
  try {
    const attacks = performers.flatMap((performer) =>
      ADVERSARIES.map((adversary, caller) => ({ performer, adversary, caller })),
    );
    const sent = await Promise.all(attacks.map((one) => sendAttack(one, load, startMs, windowMs)));
    const arrivals = await stage.origin.takeNoted();
    const admitted = attacks.map(({ performer, adversary }, i) => {
      const admissions = (sent[i] ?? []).flatMap(({ path, sentMs }): Admission[] => {
        const arrivedMs = arrivals.get(path);
        return arrivedMs === undefined ? [] : [{ sentMs, arrivedMs }];
      });
      return { id: performer.contestant.id, name: adversary.name, most: mostWithin(admissions, windowMs) };
    });
    return performers.map(({ contestant }) => [
      contestant.id,
      Object.fromEntries(
        admitted.filter(({ id }) => id === contestant.id).map(({ name, most }) => [name, most]),
      ),
    ]);
  } finally {
    load.close();
  }
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
}

/** Sends everything at its time and waits for the answers. Rejects when one is neither an admission nor a refusal. */
async function sendAttack(
  { performer: { contestant, worker }, adversary, caller }: Attack,
  load: Load,
  startMs: number,
  windowMs: number,
): Promise<Sent[]> {
  const headers = { "CF-Connecting-IP": `203.0.113.${caller + 1}`, "X-User-Id": `adversary-${caller}` };
  const sending = adversary.sends(ATTACKED.count).map(async (at, i): Promise<Sent> => {
    const path = `/noted/${contestant.id}/${caller}/${i}`;
    await sleep(Math.max(0, startMs + at * windowMs - nowMs()));
    const sentMs = nowMs();
    const answer = await load.one(worker.url, caller, { headers, path });
    if (!/^(200|429)/.test(answer))
      throw new Error(`(${contestant.id}) answered ${answer} to an adversary: ${adversary.name}`);
    return { path, sentMs };
  });
  return await Promise.all(sending);
}

/** With fractions, as the origin's clock. */
const nowMs = (): number => performance.timeOrigin + performance.now();

/** Milliseconds for one group. */
export const ATTACK_MS = (WINDOWS + 1) * ATTACKED.windowSeconds * 1_000;
