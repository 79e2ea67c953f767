import { parseArgs } from "node:util";
import { CALLERS } from "./load.ts";

export interface Options {
  /** Requests that each Worker answers in a round. */
  readonly requests: number;
  /** Measured rounds; one to warm up comes before. */
  readonly rounds: number;
}

export const USAGE =
  "usage: npm run bench:callers -- [--requests 2000] [--rounds 7], likewise bench:messages";

/** Reads the command line. Throws an error made to be shown. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      requests: { type: "string", default: "2000" },
      rounds: { type: "string", default: "7" },
    },
  });
  return {
    // Every caller comes up in every round.
    requests: wholeNumber("requests", values.requests, CALLERS, 100_000),
    rounds: wholeNumber("rounds", values.rounds, 1, 100),
  };
}

export function wholeNumber(name: string, text: string, min: number, max: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= min && number <= max) return number;
  throw new Error(`--${name} is "${text}", but has to be a whole number from ${min} to ${max}`);
}
