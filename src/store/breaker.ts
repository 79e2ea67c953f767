/** Failures in a row after which a store is left alone. */
const MAX_FAILURES = 5;
/** How long it is left alone before one request tries it again. */
const PROBE_INTERVAL_MS = 2_000;

/** Keeps requests from waiting for a store that has been failing. One for each isolate and store. */
export interface Breaker {
  /** Whether to ask the store now. While open, one call in each interval is let through to try. */
  allows(): boolean;
  succeeded(): void;
  /** `part` tells apart what failed: some breakers open only when several parts do. */
  failed(part: string): void;
}

/**
 * @param minParts how many different parts must fail in a row: one bad object says nothing about the others
 * @param onChange is told when it opens and when it closes
 */
export function createBreaker(
  now: () => number,
  minParts: number,
  onChange: (isOpen: boolean) => void = () => {},
): Breaker {
  let failures = 0;
  let nextProbeMs = 0;
  const parts = new Set<string>();
  const isOpen = () => failures >= MAX_FAILURES && parts.size >= minParts;

  return {
    allows() {
      if (!isOpen()) return true;
      if (now() < nextProbeMs) return false;
      // By time, not until the try ends: its request may be cancelled and never report.
      nextProbeMs = now() + PROBE_INTERVAL_MS;
      return true;
    },
    succeeded() {
      if (isOpen()) onChange(false);
      failures = 0;
      parts.clear();
    },
    failed(part) {
      const wasOpen = isOpen();
      failures += 1;
      if (parts.size < minParts) parts.add(part);
      // Only what opens it: failures of requests begun before would put the next try off.
      if (wasOpen || !isOpen()) return;
      nextProbeMs = now() + PROBE_INTERVAL_MS;
      onChange(true);
    },
  };
}
