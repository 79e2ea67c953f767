/** What came of asking once. */
export type Asked =
  | { readonly ok: true }
  /** Ask again, but not before the time that the server named, if it did. */
  | { readonly ok: false; readonly retryAfterMs?: number };

/** What the page gives a poller: timers, and whether anybody looks. */
export interface Surroundings {
  /** Calls once after that time, unless what it returns is called before. */
  after(ms: number, call: () => void): () => void;
  hidden(): boolean;
  /** Calls whenever `hidden` changes. Returns how to end that. */
  onVisibility(call: () => void): () => void;
}

export interface Poller {
  /** Asks at once, and from then on again and again. */
  start(): void;
  stop(): void;
  /** Asks at once, unless an answer is being waited for. */
  now(): void;
  /** Whether it was started, and not stopped since. */
  isRunning(): boolean;
}

export const INTERVAL_MS = 5_000;
const LONGEST_MS = 60_000;

/** How long to wait after that many failures in a row. */
export function pauseMs(failures: number, retryAfterMs = 0): number {
  return Math.max(Math.min(LONGEST_MS, INTERVAL_MS * 2 ** failures), retryAfterMs);
}

/**
 * Asks every five seconds, more rarely while asking fails, and not at all while nobody looks.
 *
 * @param ask must not reject
 * @param waits told how long the next pause is, in milliseconds, after each answer
 */
export function createPoller(
  ask: () => Promise<Asked>,
  { after, hidden, onVisibility }: Surroundings,
  waits: (ms: number) => void,
): Poller {
  let failures = 0;
  let running = false;
  let asking = false;
  let due = false;
  let cancel = () => {};
  let unwatch = () => {};

  async function turn(): Promise<void> {
    cancel();
    due = hidden();
    if (!running || asking || due) return;
    asking = true;
    const asked = await ask();
    asking = false;
    failures = asked.ok ? 0 : failures + 1;
    const ms = pauseMs(failures, asked.ok ? 0 : asked.retryAfterMs);
    if (!running) return;
    waits(ms);
    cancel = after(ms, turn);
  }

  return {
    start() {
      running = true;
      unwatch = onVisibility(() => {
        if (due) void turn();
      });
      void turn();
    },
    stop() {
      running = false;
      cancel();
      unwatch();
    },
    now: () => void turn(),
    isRunning: () => running,
  };
}
