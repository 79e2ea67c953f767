/** Notices when something has not been used for a while. */
export interface IdleWatch {
  /** To be called at every use. The timer is that of the request in use, and dies with it: a later use sets another. */
  used(): void;
}

export function createIdleWatch(now: () => number, idleMs: number, onIdle: () => void): IdleWatch {
  let usedMs = 0;
  let watchedMs = Number.NEGATIVE_INFINITY;

  function watch(): void {
    const startedMs = now();
    // The clock may have run back, too.
    if (Math.abs(startedMs - watchedMs) < idleMs) return;
    watchedMs = startedMs;
    setTimeout(() => {
      if (watchedMs !== startedMs) return;
      watchedMs = Number.NEGATIVE_INFINITY;
      if (now() - usedMs >= idleMs) onIdle();
      else watch();
    }, idleMs);
  }

  return {
    used() {
      usedMs = now();
      watch();
    },
  };
}
