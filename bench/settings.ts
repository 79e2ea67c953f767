import { parseArgs } from "node:util";
import { CONTENDERS, type Contender, contendersNamed } from "./contenders.ts";
import { CALLERS } from "./load.ts";
import { wholeNumber } from "./options.ts";

/** How much of everything a run does. */
export interface Effort {
  /** Requests that each row answers in a round. */
  readonly requests: number;
  readonly cpuRounds: number;
  /** Other delays of the store than none, milliseconds; the rounds at each, and their requests. */
  readonly delays: readonly number[];
  readonly delayRounds: number;
  readonly delayRequests: number;
  readonly latencyRounds: number;
  readonly latencySeconds: number;
  readonly startRounds: number;
  /** How many rows are attacked at a time. */
  readonly attackedAtOnce: number;
}

export interface Settings extends Effort {
  readonly contenders: readonly Contender[];
  readonly jsonFile: string | undefined;
  /** Whether the tables in the documentation are written anew. */
  readonly readme: boolean;
}

export const USAGE = `usage: npm run bench -- [--quick] [--only ROW,ROW] [--json FILE] [--readme] [--requests N] [--rounds N]
  --quick     fewer rounds: under two minutes, and the spread is wide
  --only      only these rows, and the one they are compared with: ${CONTENDERS.map(({ id }) => id).join(", ")}
  --json      where the figures go; else bench/results/, with the time in the name
  --readme    writes the tables into README.md and bench/README.md
  --requests  that each row answers in a round
  --rounds    of CPU time without a store's delay`;

const FULL: Effort = {
  requests: 4_000,
  cpuRounds: 7,
  delays: [5, 20],
  delayRounds: 3,
  delayRequests: 2_000,
  latencyRounds: 3,
  latencySeconds: 2,
  startRounds: 15,
  attackedAtOnce: 5,
};

const QUICK: Effort = {
  requests: 600,
  cpuRounds: 3,
  delays: [20],
  delayRounds: 1,
  delayRequests: 600,
  latencyRounds: 1,
  latencySeconds: 1,
  startRounds: 3,
  attackedAtOnce: 7,
};

/** Reads the command line. Throws an error made to be shown. */
export function parseSettings(args: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      json: { type: "string" },
      readme: { type: "boolean", default: false },
      requests: { type: "string" },
      rounds: { type: "string" },
    },
  });
  const effort = values.quick ? QUICK : FULL;
  const { requests = String(effort.requests), rounds = String(effort.cpuRounds) } = values;
  return {
    ...effort,
    requests: wholeNumber("requests", requests, CALLERS, 100_000),
    cpuRounds: wholeNumber("rounds", rounds, 1, 100),
    contenders: chosen(values.only),
    jsonFile: values.json,
    readme: values.readme,
  };
}

/** The first row is always there. */
function chosen(only: string | undefined): readonly Contender[] {
  if (only === undefined) return CONTENDERS;
  const named = contendersNamed(only);
  return CONTENDERS.filter((contender, i) => i === 0 || named.includes(contender));
}
