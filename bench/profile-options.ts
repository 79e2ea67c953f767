import { parseArgs } from "node:util";
import { CONTENDERS, type Contender, contendersNamed } from "./contenders.ts";
import { CALLERS } from "./load.ts";
import { wholeNumber } from "./options.ts";

export interface ProfileOptions {
  readonly contenders: readonly Contender[];
  readonly requests: number;
  /** Where the profiles go. */
  readonly folder: string;
}

const DEFAULT_ROWS = "weir-refused,weir-local,weir-objects-1,weir-upstash-1";

export const USAGE = `usage: npm run bench:profile -- [--only ROW,ROW] [--requests 10000] [--out bench/results]
  --only      ${CONTENDERS.map(({ id }) => id).join(", ")}; default: ${DEFAULT_ROWS}
  --out       folder for the .cpuprofile files, which the DevTools of Chromium open`;

/** Reads the command line. Throws an error made to be shown. */
export function parseProfileOptions(args: readonly string[]): ProfileOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", default: DEFAULT_ROWS },
      requests: { type: "string", default: "10000" },
      out: { type: "string", default: "bench/results" },
    },
  });
  return {
    contenders: contendersNamed(values.only),
    requests: wholeNumber("requests", values.requests, CALLERS, 1_000_000),
    folder: values.out,
  };
}
