/** How fast something has been going lately. */
export interface Pace {
  /** Units per second, as the last second or so shows; what is just noted does not count before the next. */
  perSecond(nowMs: number): number;
  note(units: number, nowMs: number): void;
}

/** What was noted so long ago counts a third. */
const DECAY_MS = 1_000;

/** An exponentially decaying sum over one second: so many units per second when they come evenly. */
export function createPace(): Pace {
  let sum = 0;
  let atMs = 0;
  const decayed = (nowMs: number) => sum * Math.exp(Math.min(0, atMs - nowMs) / DECAY_MS);
  return {
    perSecond: (nowMs) => decayed(nowMs) * (1_000 / DECAY_MS),
    note(units, nowMs) {
      sum = decayed(nowMs) + units;
      atMs = nowMs;
    },
  };
}
