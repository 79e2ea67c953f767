import { type Clock, systemClock } from "../clock.ts";

/** The longest that all waits of one request together may take. Starts at the first wait. */
export interface Deadline {
  /** Aborts when the time is up. */
  signal(): AbortSignal;
  /** The work's result; rejects with a `TimeoutError` when the time is up first. */
  race<T>(work: Promise<T>): Promise<T>;
  /** The time stands still until the next wait. Does nothing while a race is still on. */
  pause(): void;
  isUp(): boolean;
  /** Ends the timer, for good. */
  clear(): void;
}

export class TimeoutError extends Error {
  override readonly name = "TimeoutError";
}

/** One whose time is up: what is guarded is not asked. */
export const SPENT_DEADLINE: Deadline = {
  signal: () => AbortSignal.abort(new TimeoutError("no time is left")),
  race: (work) => work,
  pause() {},
  isUp: () => true,
  clear() {},
};

export function createDeadline(timeoutMs: number, now: Clock = systemClock): Deadline {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let startedMs = 0;
  let leftMs = timeoutMs;
  let races = 0;
  let cleared = false;
  let fail: (reason: TimeoutError) => void = () => {};
  const timedOut = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // Nobody may be waiting when the time is up.
  timedOut.catch(() => {});

  function end(): void {
    const reason = new TimeoutError(`no answer within ${timeoutMs} ms`);
    controller.abort(reason);
    fail(reason);
  }

  function start(): void {
    if (timer !== undefined || cleared) return;
    startedMs = now();
    timer = setTimeout(end, leftMs);
  }

  return {
    signal() {
      start();
      return controller.signal;
    },
    async race(work) {
      start();
      races += 1;
      try {
        return await Promise.race([work, timedOut]);
      } finally {
        races -= 1;
      }
    },
    pause() {
      if (timer === undefined || races > 0) return;
      clearTimeout(timer);
      timer = undefined;
      leftMs -= Math.max(0, now() - startedMs);
      // Its timer was due, so that the next wait is not blamed for the time.
      if (leftMs <= 0) end();
    },
    isUp: () => controller.signal.aborted,
    clear() {
      cleared = true;
      if (timer !== undefined) clearTimeout(timer);
    },
  };
}
