/** How much a replay keeps at most: none of it grows with the log, however long it is and however many callers are in it. */
export interface Bounds {
  /** Keys whose counts are kept at a time, by the limiter's own code and once more for what would be needed. */
  readonly keys: number;
  /** Callers whose address and charges are remembered, to save time. Twice as many for a while. */
  readonly callers: number;
  /** Request lines whose policies are remembered, likewise. */
  readonly paths: number;
  /** Callers whose peaks are kept, for each quota. Above it a fair sample of them is: 50,000 give 1 % to within 0.1 %. */
  readonly sampled: number;
  /** Refused keys that are counted exactly, for each policy. Twice as many for a while. */
  readonly refusedKeys: number;
}

export const BOUNDS: Bounds = {
  keys: 200_000,
  callers: 30_000,
  paths: 20_000,
  sampled: 100_000,
  refusedKeys: 10_000,
};
