import type { Measured } from "../../bench/results.ts";

/** What a run measured of nothing. */
export const NOTHING: Measured = {
  cpu: new Map(),
  calls: new Map(),
  latency: new Map(),
  admitted: new Map(),
  forgotten: new Map(),
  starts: new Map(),
  bundleBytes: new Map(),
};

/** CPU time of each row, without a store's delay: microseconds, one for each round. */
export const withCpu = (rows: Readonly<Record<string, readonly number[]>>): Measured => ({
  ...NOTHING,
  cpu: new Map([[0, new Map(Object.entries(rows))]]),
});
