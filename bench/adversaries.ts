/** Somebody who sends at the instants that suit a counter's weakness. */
export interface Adversary {
  readonly name: string;
  /**
   * When requests leave, milliseconds after a multiple of the window since 1970: in windows, so that 1 is the next
   * such multiple.
   */
  readonly sends: (limit: number) => readonly number[];
}

/** A little more than the limit, at once. */
const burst = (at: number, limit: number): number[] => Array.from({ length: limit + 2 }, () => at);

const evenly = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / count);

/** For how many windows each of them goes on; a little more than the last request. */
export const WINDOWS = 3.5;

export const ADVERSARIES: readonly Adversary[] = [
  {
    // Windows of the clock: all of one, then all of the next.
    name: "calendar boundaries",
    sends: (limit) => [1, 2, 3].flatMap((at) => [...burst(at - 0.06, limit), ...burst(at + 0.02, limit)]),
  },
  {
    // Windows of the clock that are estimated: what came late in one counts less and less in the next. No
    // request too early there, since some counters remember a refusal for the rest of a window.
    name: "late in the window",
    sends: (limit) => [...burst(0.94, limit), ...evenly(1 + 0.7 / limit, 3, 2 * limit)],
  },
  {
    // Windows that begin with the first request: one, the others just before its end, and as many just after.
    name: "anchored at the first request",
    sends: (limit) =>
      [0.37, 1.5].flatMap((at) => [at, ...burst(at + 0.93, limit), ...burst(at + 1.02, limit)]),
  },
  {
    name: "steady hammering",
    sends: (limit) => evenly(0.2, 3.2, 9 * limit),
  },
];

/** A request that reached the origin: when it left its client, and when it arrived, on one clock. */
export interface Admission {
  readonly sentMs: number;
  readonly arrivedMs: number;
}

/** What an adversary got out of a row. */
export interface Loot {
  /** The most admitted within one window. */
  readonly most: number;
  /** Requests that were answered by an error, because a store did not answer in time: neither admitted nor refused. */
  readonly failed: number;
}

/**
 * The most admissions that certainly lay within one window, whenever between leaving and arriving each was decided:
 * all of them left after its start and arrived before its end. Slow answers can hide one too many; they never make one.
 */
export function mostWithin(admissions: readonly Admission[], windowMs: number): number {
  const within = admissions.map(
    ({ sentMs: startMs }) =>
      admissions.filter(({ sentMs, arrivedMs }) => sentMs >= startMs && arrivedMs < startMs + windowMs)
        .length,
  );
  return Math.max(0, ...within);
}
