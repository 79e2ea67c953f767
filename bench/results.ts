import type { Loots } from "./phases/adversaries.ts";
import type { Calls } from "./phases/calls.ts";
import type { CpuSamples } from "./phases/cpu.ts";
import type { Forgotten } from "./phases/forgetting.ts";
import type { Latency } from "./phases/latency.ts";
import { median, paired, type Spread, spread } from "./statistics.ts";

/** What a run measured, row by row; one without what a row does not have or a run left out. */
export interface Measured {
  /** By milliseconds of the store's delay. */
  readonly cpu: ReadonlyMap<number, CpuSamples>;
  readonly calls: ReadonlyMap<string, Calls>;
  readonly latency: ReadonlyMap<string, readonly Latency[]>;
  readonly admitted: ReadonlyMap<string, Loots>;
  readonly forgotten: ReadonlyMap<string, Forgotten>;
  readonly starts: ReadonlyMap<string, readonly number[]>;
  readonly bundleBytes: ReadonlyMap<string, number>;
}

/** The row that others are compared with. */
const BASE = "forward";

export interface CpuFigures {
  readonly usPerRequest: Spread;
  /** To the row that only forwards, round by round. */
  readonly ratio: Spread;
  readonly addedUs: Spread;
}

/** One row of the table. */
export interface Result {
  readonly id: string;
  readonly label: string;
  /** By milliseconds of the store's delay. */
  readonly cpu: Readonly<Record<number, CpuFigures>>;
  readonly calls?: Calls;
  /** What callers wait longer than for the row that only forwards, milliseconds. */
  readonly addedMs?: Latency;
  readonly admitted?: Loots;
  readonly forgotten?: Forgotten;
  readonly bundleBytes?: number;
  readonly start?: { readonly ms: Spread; readonly ratio: Spread };
}

export function resultOf({ id, label }: { id: string; label: string }, measured: Measured): Result {
  const { calls, admitted, forgotten, bundleBytes, starts, latency, cpu } = measured;
  const startMs = starts.get(id);
  const ownLatency = latency.get(id);
  return {
    id,
    label,
    cpu: Object.fromEntries([...cpu].flatMap(([delayMs, samples]) => cpuEntry(delayMs, samples, id))),
    ...optional("calls", calls.get(id)),
    ...optional("addedMs", ownLatency && addedBy(ownLatency, latency.get(BASE) ?? [])),
    ...optional("admitted", admitted.get(id)),
    ...optional("forgotten", forgotten.get(id)),
    ...optional("bundleBytes", bundleBytes.get(id)),
    ...optional(
      "start",
      startMs && { ms: spread(startMs), ratio: spread(paired(startMs, starts.get(BASE) ?? [], divide)) },
    ),
  };
}

function cpuEntry(delayMs: number, samples: CpuSamples, id: string): [number, CpuFigures][] {
  const own = samples.get(id);
  const base = samples.get(BASE) ?? [];
  if (!own || own.length === 0) return [];
  const figures = {
    usPerRequest: spread(own),
    ratio: spread(paired(own, base, divide)),
    addedUs: spread(paired(own, base, subtract)),
  };
  return [[delayMs, figures]];
}

function addedBy(own: readonly Latency[], base: readonly Latency[]): Latency {
  const of = (key: keyof Latency) =>
    median(
      paired(
        own.map((one) => one[key]),
        base.map((one) => one[key]),
        subtract,
      ),
    );
  return { p50: of("p50"), p99: of("p99") };
}

const divide = (one: number, other: number): number => one / other;
const subtract = (one: number, other: number): number => one - other;

function optional<K extends string, V>(key: K, value: V | undefined): { [k in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [k in K]?: V };
}

/** Ratios of one row to another in the same rounds, without a store's delay; undefined when either was not measured. */
export function cpuRatio({ cpu }: Measured, id: string, other: string): Spread | undefined {
  return combined(cpu.get(0), [id, other], divide);
}

/** The same of what each adds to forwarding. */
export function addedRatio({ cpu }: Measured, id: string, other: string): Spread | undefined {
  const samples = cpu.get(0);
  const base = samples?.get(BASE) ?? [];
  const added = new Map(
    [...(samples ?? [])].map(([row, own]) => [row, paired(own, base, subtract)] as const),
  );
  return combined(added, [id, other], divide);
}

function combined(
  samples: CpuSamples | undefined,
  [id, other]: readonly [string, string],
  combine: (one: number, other: number) => number,
): Spread | undefined {
  const [own, others] = [samples?.get(id), samples?.get(other)];
  if (!own || !others) return undefined;
  return spread(paired(own, others, combine));
}
