import { addedRatio, cpuRatio, type Measured, type Result } from "./results.ts";
import type { Spread } from "./statistics.ts";

/** One thing that was to be reached. */
export interface Goal {
  readonly what: string;
  /** At most this. */
  readonly wanted: number;
  readonly found: number;
  /** Of the rounds, where it is a ratio. */
  readonly spread?: Spread;
  readonly unit: string;
  readonly reached: boolean;
}

export interface Verdict {
  readonly case: string;
  readonly goals: readonly Goal[];
}

interface Wish {
  readonly what: string;
  readonly wanted: number;
  readonly unit?: string;
  /** Undefined when it was not measured. */
  readonly found: Spread | number | undefined;
}

/** The table "Reach", from one run. What a run left out is left out here. */
export function verdicts(measured: Measured, results: readonly Result[]): readonly Verdict[] {
  const row = (id: string) => results.find((result) => result.id === id);
  const callsOf = (id: string) => row(id)?.calls?.store;
  const commandsOf = (id: string) => row(id)?.calls?.commands;
  const cases: [string, Wish[]][] = [
    [
      "refused, known at the edge",
      [
        { what: "store calls", wanted: 0, found: callsOf("weir-refused") },
        { what: "CPU to a bare 429", wanted: 1.25, found: cpuRatio(measured, "weir-refused", "bare-429") },
      ],
    ],
    [
      "durable-object, 1 policy, busy keys",
      [
        {
          what: "CPU to the minimal counter",
          wanted: 0.85,
          found: cpuRatio(measured, "weir-objects-1", "counter"),
        },
      ],
    ],
    [
      "durable-object, 3 quotas on 2 keys",
      [
        {
          what: "CPU to the minimal counter",
          wanted: 1.25,
          found: cpuRatio(measured, "weir-objects-3", "counter"),
        },
        { what: "calls", wanted: 2, found: callsOf("weir-objects-3") },
        // One after the other would take twice the delay.
        {
          what: "added p50, in parallel",
          wanted: 30,
          unit: " ms",
          found: row("weir-objects-3")?.addedMs?.p50,
        },
      ],
    ],
    [
      "upstash, 1 policy",
      [
        {
          what: "CPU added, to @upstash/ratelimit's",
          wanted: 0.6,
          found: addedRatio(measured, "weir-upstash-1", "upstash-1"),
        },
        { what: "calls", wanted: 1, found: callsOf("weir-upstash-1") },
        { what: "commands in the script", wanted: 3, found: commandsOf("weir-upstash-1") },
      ],
    ],
    [
      "upstash, 3 policies",
      [
        {
          what: "CPU added, to @upstash/ratelimit's with 3 in parallel",
          wanted: 0.7,
          found: addedRatio(measured, "weir-upstash-3", "upstash-3"),
        },
        { what: "calls", wanted: 1, found: callsOf("weir-upstash-3") },
        { what: "commands in the script", wanted: 5, found: commandsOf("weir-upstash-3") },
      ],
    ],
    ...["objects", "upstash"].map((store): [string, Wish[]] => [
      `lease, hot key, ${store === "objects" ? "durable-object" : store}`,
      leaseWishes(measured, row(`weir-${store}-lease`)),
    ]),
    ["admitted too much", [{ what: "most in one window of 10", wanted: 10, found: mostAdmitted(results) }]],
    [
      "bundle and start",
      [
        {
          what: "bundle, minified and compressed",
          wanted: 45,
          unit: " KiB",
          found: kibibytes(row("weir-local")?.bundleBytes),
        },
        {
          what: "start to first answer, to forwarding",
          wanted: 1.5,
          found: row("weir-objects-1")?.start?.ratio,
        },
      ],
    ],
  ];
  return cases
    .map(([name, wishes]) => ({ case: name, goals: wishes.flatMap(goalOf) }))
    .filter(({ goals }) => goals.length > 0);
}

function leaseWishes(measured: Measured, result: Result | undefined): Wish[] {
  return [
    { what: "store calls for a decision", wanted: 0.05, found: result?.calls?.store },
    { what: "CPU to forwarding", wanted: 1.4, found: cpuRatio(measured, result?.id ?? "", "forward") },
    { what: "added p99", wanted: 2, unit: " ms", found: result?.addedMs?.p99 },
  ];
}

/** Of Weir's rows, on any store, by any adversary. */
function mostAdmitted(results: readonly Result[]): number | undefined {
  const found = results
    .filter(({ id }) => id.startsWith("weir-"))
    .flatMap(({ admitted = {} }) => Object.values(admitted).map(({ most }) => most));
  return found.length === 0 ? undefined : Math.max(...found);
}

const kibibytes = (bytes: number | undefined): number | undefined =>
  bytes === undefined ? undefined : bytes / 1_024;

function goalOf({ what, wanted, unit = "", found }: Wish): Goal[] {
  if (found === undefined) return [];
  const value = typeof found === "number" ? found : found.median;
  return [
    {
      what,
      wanted,
      found: value,
      ...(typeof found !== "number" && { spread: found }),
      unit,
      reached: value <= wanted,
    },
  ];
}
