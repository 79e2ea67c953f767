import { SCENARIO } from "./scenario.ts";

/** What was measured in each second of a run, and over all of it. */
export interface Measured {
  readonly seconds: number;
  readonly offered: readonly number[];
  readonly admitted: readonly number[];
  /** Asked of the object. */
  readonly calls: readonly number[];
  readonly rows: readonly number[];
  /** How many decisions took so many milliseconds. */
  readonly addedMs: readonly number[];
  readonly withoutCall: number;
  /** Let through by the failure ladder, which no promise covers. */
  readonly uncounted: number;
  /** The most that was let through in any trailing window, without that. */
  readonly fullestWindow: number;
}

export interface Meter {
  offered(atMs: number, times?: number): void;
  /** @param usedMs the store's time at which it counts as let through */
  admitted(usedMs: number, times?: number): void;
  /** Let through by the failure ladder. */
  uncounted(): void;
  decided(tookMs: number, withoutCall: boolean, times?: number): void;
  call(atMs: number): void;
  row(atMs: number): void;
  result(): Measured;
}

const MAX_ADDED_MS = 5_000;

export function createMeter(startMs: number, seconds: number): Meter {
  const perSecond = () => new Array<number>(seconds).fill(0);
  const series = { offered: perSecond(), admitted: perSecond(), calls: perSecond(), rows: perSecond() };
  const usedInMs = new Uint32Array(seconds * 1_000 + MAX_ADDED_MS);
  const addedMs = new Array<number>(MAX_ADDED_MS).fill(0);
  let withoutCall = 0;
  let uncounted = 0;

  function count(list: number[], atMs: number, times: number): void {
    const second = Math.floor((atMs - startMs) / 1_000);
    if (second < seconds) list[second] = (list[second] ?? 0) + times;
  }

  return {
    offered: (atMs, times = 1) => count(series.offered, atMs, times),
    admitted(usedMs, times = 1) {
      count(series.admitted, usedMs, times);
      const i = Math.floor(usedMs - startMs);
      usedInMs[i] = (usedInMs[i] ?? 0) + times;
    },
    uncounted() {
      uncounted += 1;
    },
    decided(tookMs, isWithout, times = 1) {
      const i = Math.min(MAX_ADDED_MS - 1, Math.floor(tookMs));
      addedMs[i] = (addedMs[i] ?? 0) + times;
      if (isWithout) withoutCall += times;
    },
    call: (atMs) => count(series.calls, atMs, 1),
    row: (atMs) => count(series.rows, atMs, 1),
    result: () => ({ seconds, ...series, addedMs, withoutCall, uncounted, fullestWindow: fullest(usedInMs) }),
  };
}

function fullest(usedInMs: Uint32Array): number {
  let sum = 0;
  let worst = 0;
  for (let end = 0; end < usedInMs.length; end++) {
    sum += usedInMs[end] ?? 0;
    if (end >= SCENARIO.windowMs) sum -= usedInMs[end - SCENARIO.windowMs] ?? 0;
    worst = Math.max(worst, sum);
  }
  return worst;
}
