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
  // Both are made for whoever asks first: of most requests nobody does.
  let controller: AbortController | undefined;
  let timedOut: PromiseWithResolvers<never> | undefined;
  let timeUp: TimeoutError | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let startedMs = 0;
  let leftMs = timeoutMs;
  let races = 0;
  let cleared = false;

  function end(): void {
    timeUp = new TimeoutError(`no answer within ${timeoutMs} ms`);
    controller?.abort(timeUp);
    timedOut?.reject(timeUp);
  }

  function createTimedOut(): PromiseWithResolvers<never> {
    const created = Promise.withResolvers<never>();
    // Nobody may be waiting when the time is up.
    created.promise.catch(() => {});
    if (timeUp) created.reject(timeUp);
    return created;
  }

  function start(): void {
    if (timer !== undefined || cleared) return;
    startedMs = now();
    timer = setTimeout(end, leftMs);
  }

  return {
    signal() {
      start();
      controller ??= new AbortController();
      if (timeUp) controller.abort(timeUp);
      return controller.signal;
    },
    async race(work) {
      start();
      timedOut ??= createTimedOut();
      races += 1;
      try {
        return await Promise.race([work, timedOut.promise]);
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
    isUp: () => timeUp !== undefined,
    clear() {
      cleared = true;
      if (timer !== undefined) clearTimeout(timer);
    },
  };
}
