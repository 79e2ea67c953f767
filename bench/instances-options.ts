import { parseArgs } from "node:util";
import { STORES, type StoreName } from "../src/config/config.ts";
import { ALGORITHMS, type Algorithm } from "../src/limit/quota.ts";

export interface InstancesOptions {
  readonly windowSeconds: number;
  readonly stores: readonly StoreName[];
  readonly algorithms: readonly Algorithm[];
  /** Only the burst, without the two windows before it. */
  readonly burstOnly: boolean;
}

export const INSTANCES_USAGE = `usage: npm run bench:instances -- [--window 30] [--store STORE] [--algorithm ALGORITHM] [--burst]
  --window     seconds of the window, for 30 requests; the run takes two of them
  --store      only this one: ${STORES.join(", ")}; may be repeated
  --algorithm  only this one: ${ALGORITHMS.join(", ")}; may be repeated
  --burst      only the burst test`;

const MIN_WINDOW = 3;
const MAX_WINDOW = 600;

/** Reads the command line. Throws an error made to be shown. */
export function parseInstancesOptions(args: readonly string[]): InstancesOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      window: { type: "string", default: "30" },
      store: { type: "string", multiple: true, default: [...STORES] },
      algorithm: { type: "string", multiple: true, default: [...ALGORITHMS] },
      burst: { type: "boolean", default: false },
    },
  });
  const stores = chosen("store", values.store, STORES);
  if (values.burst && stores.every((store) => store === "local"))
    throw new Error(`--burst needs a store that instances share, not "local"`);
  return {
    windowSeconds: seconds(values.window),
    stores,
    algorithms: chosen("algorithm", values.algorithm, ALGORITHMS),
    burstOnly: values.burst,
  };
}

function seconds(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= MIN_WINDOW && value <= MAX_WINDOW) return value;
  throw new Error(
    `--window is "${text}", but has to be a whole number of seconds from ${MIN_WINDOW} to ${MAX_WINDOW}`,
  );
}

/** Those of `all` that were named, in the order of `all`. */
function chosen<T extends string>(option: string, names: readonly string[], all: readonly T[]): T[] {
  const unknown = names.find((name) => !(all as readonly string[]).includes(name));
  if (unknown !== undefined)
    throw new Error(`--${option} is "${unknown}", but has to be one of ${all.join(", ")}`);
  return all.filter((one) => names.includes(one));
}
