import type { Reply, Serve } from "./network.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** What was worked out, and when it may leave. */
export interface Worked<T> {
  readonly value: T;
  readonly leavesMs: number;
}

/** The calls that a store has taken up and not answered yet. */
export interface WaitingRoom {
  /** Works once the store is not paused any more. */
  serve<T>(work: () => Worked<T>): Serve<T>;
  pause(ms: number): void;
  /** All of them fail. */
  fail(error: string): void;
}

export function createWaitingRoom(time: VirtualTime): WaitingRoom {
  const open = new Set<(reply: Reply<never>) => void>();
  let pausedUntilMs = 0;

  function at(ms: number, run: () => void): void {
    if (ms <= time.nowMs()) run();
    else time.after(ms - time.nowMs(), run);
  }

  return {
    serve: (work) => (answer) => {
      open.add(answer);
      const isOpen = () => open.has(answer);
      const begin = () => {
        if (!isOpen()) return;
        // Paused anew meanwhile.
        if (pausedUntilMs > time.nowMs()) return at(pausedUntilMs, begin);
        const { value, leavesMs } = work();
        at(leavesMs, () => {
          if (isOpen()) answer({ value });
          open.delete(answer);
        });
      };
      begin();
    },
    pause(ms) {
      pausedUntilMs = Math.max(pausedUntilMs, time.nowMs() + ms);
    },
    fail(error) {
      const failing = [...open];
      open.clear();
      for (const answer of failing) answer({ error });
    },
  };
}
