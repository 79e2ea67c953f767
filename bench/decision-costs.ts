import type { UpstashRest } from "../dev/upstash/upstash-rest.ts";
import { startWorker } from "../test/support/workerd.ts";
import type { Contestant } from "./contestants.ts";
import { CALLERS, createLoad, type Load } from "./load.ts";
import { table } from "./table.ts";

/** Twice every caller. */
const REQUESTS = 2 * CALLERS;
/** Of the REST server itself, to count. */
const OWN_COMMANDS = /^(config|info)\b/;

/** HTTP calls to the store and commands in Redis for each decision, as a table. */
export async function decisionCosts(contestants: readonly Contestant[], rest: UpstashRest): Promise<string> {
  const load = createLoad();
  const rows: string[][] = [];
  try {
    for (const contestant of contestants) rows.push(await costsOf(contestant, rest, load));
  } finally {
    load.close();
  }
  return [
    table([["Worker", "HTTP calls", "Redis commands", "which"], ...rows], 1),
    "",
    `For each of ${REQUESTS} allowed requests of callers already known, with the commands inside scripts.`,
  ].join("\n");
}

async function costsOf({ id, label, answer, worker }: Contestant, rest: UpstashRest, load: Load) {
  const running = await startWorker(worker);
  try {
    // The scripts are loaded and every caller known before it counts.
    await load.send(running.url, CALLERS);
    await rest.resetStats();
    const answers = await load.send(running.url, REQUESTS);
    const { requests } = rest;
    const calls = Object.entries(await rest.commandStats()).filter(([name]) => !OWN_COMMANDS.test(name));
    if (answers.get(answer) !== REQUESTS) throw new Error(`(${id}) did not answer everything with ${answer}`);
    const commands = calls.reduce((sum, [, count]) => sum + count, 0);
    return [
      `${id}  ${label}`,
      perDecision(requests),
      perDecision(commands),
      calls
        .map(([name, count]) => `${name} ${perDecision(count)}`)
        .toSorted()
        .join(", "),
    ];
  } finally {
    await running.stop();
  }
}

function perDecision(count: number): string {
  return String(Math.round((count / REQUESTS) * 100) / 100);
}
