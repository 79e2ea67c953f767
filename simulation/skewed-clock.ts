import type { VirtualTime } from "./virtual-time.ts";

/** A clock that is not right, and is set now and then. */
export interface SkewedClock {
  nowMs(): number;
  /** The latest that it has shown. */
  highestMs(): number;
  step(byMs: number): void;
  /** Whether it was set while something may have been remembered that still is. */
  wasSetLately(): boolean;
}

/** The longest that an isolate believes anything, and the longest step. */
const LATELY_MS = 10_000 + 3_000;

export function createSkewedClock(time: VirtualTime, startSkewMs: number): SkewedClock {
  let skewMs = startSkewMs;
  let setMs = Number.NEGATIVE_INFINITY;
  let highestMs = 0;
  const nowMs = () => time.nowMs() + skewMs;
  return {
    nowMs,
    highestMs: () => Math.max(highestMs, nowMs()),
    step(byMs) {
      highestMs = Math.max(highestMs, nowMs());
      skewMs += byMs;
      setMs = time.nowMs();
    },
    wasSetLately: () => time.nowMs() - setMs < LATELY_MS,
  };
}
