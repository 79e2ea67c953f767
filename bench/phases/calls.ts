import type { RunningRedis } from "../../test/support/local-store.ts";
import { CALLERS, createLoad } from "../load.ts";
import { sendAll } from "../measure.ts";
import type { Performer } from "../stage.ts";
import { objectCalls } from "../store-delay.ts";

/** What one decision asks for, on average. */
export interface Calls {
  /** Calls to the store: of objects, or to Redis over HTTP. */
  readonly store: number;
  /** Commands that Redis runs, also inside scripts, without those that run a script. */
  readonly commands: number;
  /** Those that run a script: EVALSHA. */
  readonly scripts: number;
  /** How often each command ran. */
  readonly byName: Readonly<Record<string, number>>;
}

/** Of the REST server itself, to count. */
const OWN = /^(config|info)\b/;
const RUNS_SCRIPT = /^(eval|evalsha|script)\b/;

/** Counts what each row asks of its store, for allowed requests of callers that it knows already. */
export async function countCalls(
  performers: readonly Performer[],
  { rest }: RunningRedis,
  requests: number,
): Promise<ReadonlyMap<string, Calls>> {
  const load = createLoad();
  const calls = new Map<string, Calls>();
  try {
    for (const performer of performers) {
      const { worker, contestant } = performer;
      // Loads scripts, and uses up what the one that refuses everything admits.
      for (let i = 0; i < 2; i++) await load.send(worker.url, CALLERS, contestant.extra);
      const before = await callsSoFar(performer);
      await rest.resetStats();
      await sendAll(performer, load, requests);
      const store = rest.requests + (await callsSoFar(performer)) - before;
      calls.set(contestant.id, {
        store: store / requests,
        ...perDecision(await rest.commandStats(), requests),
      });
    }
  } finally {
    load.close();
  }
  return calls;
}

const callsSoFar = async ({ contestant, worker }: Performer): Promise<number> =>
  contestant.store === "objects" ? await objectCalls(worker.url, 0) : 0;

function perDecision(stats: Readonly<Record<string, number>>, requests: number): Omit<Calls, "store"> {
  const counted = Object.entries(stats).filter(([name]) => !OWN.test(name));
  const sumOf = (ofScripts: boolean) =>
    counted
      .filter(([name]) => RUNS_SCRIPT.test(name) === ofScripts)
      .reduce((sum, [, count]) => sum + count / requests, 0);
  return {
    commands: sumOf(false),
    scripts: sumOf(true),
    byName: Object.fromEntries(counted.map(([name, count]) => [name, count / requests])),
  };
}
