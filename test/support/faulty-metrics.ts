import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUNDLE } from "./workerd.ts";

export interface FaultyMetrics {
  /** A copy of the built Worker whose metrics objects do not work at first. */
  readonly script: string;
  remove(): Promise<void>;
}

/**
 * Metrics objects that fail so many times in all: each third call is lost before it counts, each third is counted but its answer
 * lost, and each third hangs.
 */
export async function writeFaultyMetrics(failures: number): Promise<FaultyMetrics> {
  const folder = await mkdtemp(join(tmpdir(), "weir-metrics-"));
  const script = join(folder, "index.js");
  const bundle = await readFile(BUNDLE, "utf8");
  const name = /export\s*\{[^}]*?([\w$]+) as MetricsObject\b/.exec(bundle)?.[1];
  if (name === undefined) throw new Error("the built Worker has no MetricsObject to sabotage");
  await writeFile(
    script,
    `${bundle}
{
  let calls = 0;
  const { prototype } = ${name};
  const { add } = prototype;
  if (typeof add !== "function") throw new Error("the MetricsObject has no add to sabotage");
  prototype.add = async function (batch) {
    calls += 1;
    console.log("metrics call " + calls);
    if (calls > ${failures}) return add.call(this, batch);
    if (calls % 3 === 1) throw new Error("the object is broken");
    if (calls % 3 === 2) {
      add.call(this, batch);
      throw new Error("the answer is lost");
    }
    await new Promise((wake) => setTimeout(wake, 20_000));
  };
}
`,
  );
  return { script, remove: () => rm(folder, { recursive: true }) };
}
