/** The longest that all waits of one request together may take. Starts at the first wait. */
export interface Deadline {
  /** Aborts when the time is up. */
  signal(): AbortSignal;
  /** The work's result; rejects with a `TimeoutError` when the time is up first. */
  race<T>(work: Promise<T>): Promise<T>;
  isUp(): boolean;
  /** Ends the timer. */
  clear(): void;
}

export class TimeoutError extends Error {
  override readonly name = "TimeoutError";
}

export function createDeadline(timeoutMs: number): Deadline {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let fail: (reason: TimeoutError) => void = () => {};
  const timedOut = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // Nobody may be waiting when the time is up.
  timedOut.catch(() => {});

  function start(): void {
    timer ??= setTimeout(() => {
      const reason = new TimeoutError(`no answer within ${timeoutMs} ms`);
      controller.abort(reason);
      fail(reason);
    }, timeoutMs);
  }

  return {
    signal() {
      start();
      return controller.signal;
    },
    race(work) {
      start();
      return Promise.race([work, timedOut]);
    },
    isUp: () => controller.signal.aborted,
    clear() {
      if (timer !== undefined) clearTimeout(timer);
    },
  };
}
