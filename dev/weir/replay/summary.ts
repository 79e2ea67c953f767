import type { LogCounts } from "../log/read-log.ts";
import { readableKey } from "./key-values.ts";
import { type NeededLimit, neededLimits } from "./needed-limits.ts";
import type { Replayer, Verdict } from "./replayer.ts";
import type { PolicyTally, QuotaTally } from "./tallies.ts";

const SHOWN_KEYS = 10;

/** What a replay found, as `--json` prints it. */
export interface Summary {
  readonly config: string;
  readonly requests: number;
  readonly verdicts: Readonly<Record<Verdict, number>>;
  readonly policies: readonly PolicySummary[];
  /** What to know before believing the numbers. */
  readonly notes: readonly string[];
}

export interface PolicySummary {
  readonly name: string;
  readonly mode: string;
  readonly requests: number;
  readonly refused: number;
  readonly locked_out: number;
  /** Null when there were too many to count. */
  readonly refused_keys: number | null;
  readonly quotas: readonly QuotaSummary[];
  readonly most_refused: readonly {
    readonly key: string;
    readonly refused: number;
    readonly error: number;
  }[];
}

export interface QuotaSummary {
  readonly name: string;
  readonly text: string;
  readonly row: string | null;
  readonly requests: number;
  readonly refused: number;
  readonly callers: number;
  /** Whether the callers are a sample. */
  readonly sampled: boolean;
  readonly needed: readonly NeededLimit[] | null;
}

/** The numbers of a log that was read. */
export interface LogSummary {
  readonly lines: number;
  readonly broken: number;
  readonly first_broken: LogCounts["shown"];
  readonly late: number;
  readonly formats: LogCounts["byFormat"];
  /** ISO 8601; null without requests. */
  readonly from: string | null;
  readonly to: string | null;
}

export function summarise(config: string, replayer: Replayer, notes: readonly string[]): Summary {
  const { verdicts, tallies } = replayer;
  return {
    config,
    requests: Object.values(verdicts).reduce((sum, count) => sum + count, 0),
    verdicts,
    policies: tallies.policies.filter(({ policy }) => policy.mode !== "off").map(policySummary),
    notes,
  };
}

function policySummary(tally: PolicyTally): PolicySummary {
  const { policy, requests, refused, lockedOut, refusedKeys, quotas } = tally;
  return {
    name: policy.name,
    mode: policy.mode,
    requests,
    refused,
    locked_out: lockedOut,
    refused_keys: refusedKeys.distinct() ?? null,
    quotas: quotas.filter(isAsked).map(quotaSummary),
    most_refused: refusedKeys
      .top(SHOWN_KEYS)
      .map(({ key, count, error }) => ({ key: readableKey(key), refused: count, error })),
  };
}

/** Rows of a table that nobody had are of no interest. */
const isAsked = ({ requests, row }: QuotaTally): boolean => requests > 0 || row === undefined;

function quotaSummary(tally: QuotaTally): QuotaSummary {
  const { quota, row, requests, refused, callers } = tally;
  return {
    name: quota.name,
    text: quota.text,
    row: row ?? null,
    requests,
    refused,
    callers: callers.count(),
    sampled: !callers.isWhole,
    needed: neededLimits(tally) ?? null,
  };
}
