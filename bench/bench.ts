import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { cpus, platform, release } from "node:os";
import { dirname, resolve } from "node:path";
import { createBuilder } from "./bundles.ts";
import { progress, runCommand, status } from "./command.ts";
import { mainTable, reachTable } from "./markdown.ts";
import { createProgress } from "./progress.ts";
import { publish } from "./published.ts";
import { verdicts } from "./reach.ts";
import { resultOf } from "./results.ts";
import { planOf, runAll } from "./run.ts";
import { parseSettings, type Settings, USAGE } from "./settings.ts";
import { openStage } from "./stage.ts";

const FOLDER = import.meta.dirname;

await runCommand(USAGE, parseSettings, async (settings, interrupted) => {
  if (!existsSync(resolve(FOLDER, "node_modules/hono-rate-limiter"))) {
    console.error(
      "What Weir is compared with is not installed. Install it, for the benchmarks alone:\n\n  npm ci --prefix bench",
    );
    return 1;
  }
  const stage = await openStage(createBuilder());
  try {
    await Promise.race([compare(), interrupted]);
    return 0;
  } finally {
    await stage.close();
  }

  async function compare(): Promise<void> {
    const steps = createProgress(planOf(settings), status, () => performance.now() / 1_000);
    const measured = await runAll(stage, settings, steps);
    const results = settings.contenders.map((contender) => resultOf(contender, measured));
    const reach = verdicts(measured, results);
    const table = `${heading(settings)}\n\n${mainTable(results)}`;
    const text = `${table}\n\n${reachTable(reach)}`;
    console.log(`\n${text}\n`);
    const file =
      settings.jsonFile ?? resolve(FOLDER, `results/${new Date().toISOString().replaceAll(":", "-")}.json`);
    mkdirSync(dirname(resolve(file)), { recursive: true });
    writeFileSync(
      file,
      `${JSON.stringify({ ...machine(), settings: effort(settings), results, reach }, null, 2)}\n`,
    );
    progress(`the figures are in ${file}`);
    if (!settings.readme) return;
    publish(resolve(FOLDER, "README.md"), text);
    publish(resolve(FOLDER, "../README.md"), table);
  }
});

function heading(settings: Settings): string {
  const { date, cores, processor, system, node } = machine();
  return `${date}, ${cores} cores (${processor}), ${system}, Node ${node}. Medians of rounds (${settings.cpuRounds}) of ${settings.requests} requests, in parentheses the least and greatest.`;
}

function machine() {
  return {
    date: new Date().toISOString().slice(0, 10),
    cores: cpus().length,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    system: `${platform()} ${release().split(/[-+]/)[0]}`,
    node: process.versions.node,
  };
}

/** What of the settings says how much was measured. */
function effort({ contenders, jsonFile, readme, ...rest }: Settings) {
  return rest;
}
