import { ALGORITHMS } from "../src/limit/quota.ts";
import build from "../test/support/build.ts";
import { BURST_POLICY, runBurst } from "./burst-run.ts";
import { progress, runCommand } from "./command.ts";
import { type Fleet, withFleet } from "./fleet.ts";
import { INSTANCES_USAGE, type InstancesOptions, parseInstancesOptions } from "./instances-options.ts";
import { instancesReport } from "./instances-report.ts";
import { createLine, LIMIT, runPaced, soFar } from "./paced-run.ts";

const PROGRESS_MS = 1_000;

await runCommand(INSTANCES_USAGE, parseInstancesOptions, async (options, interrupted) => {
  progress("building the Worker");
  build();
  progress("starting the instances");
  return await withFleet(options.stores, policies(options), (fleet) =>
    Promise.race([run(fleet, options), interrupted]),
  );
});

async function run(fleet: Fleet, options: InstancesOptions): Promise<number> {
  if (!options.burstOnly) await paced(fleet, options);
  return await burst(fleet, options);
}

async function paced(fleet: Fleet, { stores, algorithms, windowSeconds }: InstancesOptions): Promise<void> {
  const lines = stores.flatMap((store) =>
    algorithms.map((algorithm) => createLine(store, algorithm, windowSeconds * 1_000)),
  );
  const ticking = setInterval(() => progress(soFar(lines)), PROGRESS_MS);
  await runPaced(fleet, lines);
  clearInterval(ticking);
  console.log(
    `\nOne caller at twice ${LIMIT} per ${windowSeconds} s, over three instances, for two windows:\n\n${instancesReport(lines)}\n`,
  );
}

/** The local store is left out: three instances that share nothing admit three times the limit. */
async function burst(fleet: Fleet, { stores }: InstancesOptions): Promise<number> {
  let ok = true;
  for (const store of stores.filter((one) => one !== "local")) {
    progress(`burst on ${store}`);
    const result = await runBurst(store, fleet);
    console.log(`Burst on ${result.text}`);
    ok &&= result.ok;
  }
  return ok ? 0 : 1;
}

/** Each algorithm has a path of its own. */
function policies({ windowSeconds }: InstancesOptions): object[] {
  const limited = ALGORITHMS.map((algorithm) => ({
    name: algorithm,
    match: `/${algorithm}`,
    key: "header:x-user-id",
    limit: `${LIMIT} per ${windowSeconds} seconds`,
    algorithm,
  }));
  return [...limited, BURST_POLICY];
}
