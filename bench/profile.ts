import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { createBuilder } from "./bundles.ts";
import { progress, runCommand } from "./command.ts";
import { type Contender, NEVER_REACHED } from "./contenders.ts";
import { createLoad } from "./load.ts";
import { sendAll } from "./measure.ts";
import { type ProfileOptions, parseProfileOptions, USAGE } from "./profile-options.ts";
import { type ProfileSummary, summarize } from "./profile-summary.ts";
import { profileWhile } from "./profiler.ts";
import { openStage, type Stage } from "./stage.ts";

const SHOWN = 30;
/** Until V8 has compiled what runs often. */
const WARM_UP = 4_000;

// Names of functions stay readable: not minified, and otherwise what is deployed.
await runCommand(USAGE, parseProfileOptions, async (options, interrupted) => {
  mkdirSync(options.folder, { recursive: true });
  const stage = await openStage(createBuilder({ minify: false }));
  try {
    for (const contender of options.contenders) {
      progress(contender.id);
      await Promise.race([profileOne(stage, contender, options), interrupted]);
    }
    return 0;
  } finally {
    await stage.close();
  }
});

async function profileOne(stage: Stage, contender: Contender, { requests, folder }: ProfileOptions) {
  const performer = await stage.start(contender, { limit: NEVER_REACHED, inspect: true });
  const load = createLoad();
  try {
    await load.send(performer.worker.url, WARM_UP, contender.extra);
    const profile = await profileWhile(performer.worker.inspectorUrl, () =>
      sendAll(performer, load, requests),
    );
    const file = resolve(folder, `${contender.id}.cpuprofile`);
    writeFileSync(file, JSON.stringify(profile));
    const summary = summarize(profile, readFileSync(stage.build(contender), "utf8"));
    console.log(
      `\n## ${contender.label}\n\n${text(summary, requests)}\n\nWhole profile, for DevTools: ${file}`,
    );
  } finally {
    load.close();
    await performer.worker.stop();
  }
}

function text({ busyUs, functions, files, platform }: ProfileSummary, requests: number): string {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`.padStart(7);
  const byTotal = functions.toSorted((one, other) => other.total - one.total);
  return [
    `${Math.round(busyUs / requests)} us in JavaScript for each request; shares of it.`,
    "\nBy itself, with what it calls of the platform; and with everything it calls:",
    ...functions
      .slice(0, SHOWN)
      .map(({ name, self, total }) => `${percent(self)} ${percent(total)}  ${name}`),
    "\nWith everything it calls:",
    ...byTotal.slice(0, SHOWN).map(({ name, total }) => `${percent(total)}  ${name}`),
    "\nFiles, by themselves:",
    ...files.slice(0, SHOWN).map(({ file, self }) => `${percent(self)}  ${file}`),
    "\nWhat of the platform, and who calls it:",
    ...platform.slice(0, SHOWN).map(({ name, self }) => `${percent(self)}  ${name}`),
  ].join("\n");
}
