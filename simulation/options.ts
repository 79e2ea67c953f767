import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

export type Options =
  /** Many seeds, on several threads. */
  | { readonly kind: "seeds"; readonly from: number; readonly seeds: number; readonly threads: number }
  /** One seed, with its history. */
  | { readonly kind: "seed"; readonly seed: number; readonly verbose: boolean }
  /** World scale, with figures and plots. */
  | { readonly kind: "world"; readonly seconds: number };

export const USAGE = `usage: npm run simulate -- [--seeds 2000] [--from 1] [--threads ${availableParallelism()}]
       npm run simulate -- --seed 17 [--verbose]
       npm run simulate -- world [--seconds 280]`;

/** Reads the command line. Throws an error made to be shown. */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seeds: { type: "string", default: "2000" },
      from: { type: "string", default: "1" },
      threads: { type: "string", default: String(availableParallelism()) },
      seed: { type: "string" },
      verbose: { type: "boolean", default: false },
      seconds: { type: "string", default: "280" },
    },
  });
  const [scenario, ...rest] = positionals;
  if (rest.length > 0 || (scenario !== undefined && scenario !== "world"))
    throw new Error(`there is no scenario "${positionals.join(" ")}"`);
  // So short a run would end before its first window.
  if (scenario) return { kind: "world", seconds: wholeNumber("seconds", values.seconds, 90, 3_600) };
  if (values.seed !== undefined)
    return { kind: "seed", seed: wholeNumber("seed", values.seed, 0, 2 ** 40), verbose: values.verbose };
  return {
    kind: "seeds",
    from: wholeNumber("from", values.from, 0, 2 ** 40),
    seeds: wholeNumber("seeds", values.seeds, 1, 1e9),
    threads: wholeNumber("threads", values.threads, 1, 256),
  };
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= min && number <= max) return number;
  throw new Error(`--${name} is "${text}", but has to be a whole number from ${min} to ${max}`);
}
