/** The newest instant that a store has kept for each key: its time never runs back behind it. */
export interface KeyTimes {
  /** Something was admitted, at a time that the store told. */
  admitted(key: string, nowMs: number): void;
  /** A settlement changed something: as far as is known, at this time. */
  settled(key: string, nowMs: number): void;
  /** It may have forgotten. */
  forget(key: string): void;
  /** The store's time for a key while its clock shows this. */
  at(key: string, clockMs: number): number;
  newestMs(key: string): number;
  /** Whether so much came lately that an object may have reserved something ahead. */
  wasBusy(key: string): boolean;
  /** Between what the store's time for a key has to be; `isKept` says that something under it still counts. */
  bounds(key: string, clockMs: number, isKept: boolean): { soonestMs: number; latestMs: number };
}

/** More than three in about a second. */
const BUSY_COUNT = 4;
const BUSY_MS = 5_000;
/** Longer than any window, and what is reserved in it. */
const REMEMBERED_MS = 60_000;

export function createKeyTimes(): KeyTimes {
  const newest = new Map<string, number>();
  const unsure = new Set<string>();
  const lately = new Map<string, readonly number[]>();
  const busy = new Map<string, number>();
  const at = (key: string, clockMs: number) => Math.max(clockMs, newest.get(key) ?? 0);
  function noteBusy(key: string, nowMs: number): void {
    const latest = [...(lately.get(key) ?? []), nowMs].slice(-BUSY_COUNT);
    lately.set(key, latest);
    if (latest.length === BUSY_COUNT && nowMs - (latest[0] ?? 0) < BUSY_MS) busy.set(key, nowMs);
  }

  return {
    admitted(key, nowMs) {
      unsure.delete(key);
      newest.set(key, nowMs);
      noteBusy(key, nowMs);
    },
    settled(key, nowMs) {
      newest.set(key, Math.max(nowMs, newest.get(key) ?? 0));
      noteBusy(key, nowMs);
    },
    forget: (key) => void unsure.add(key),
    at,
    wasBusy: (key) => (newest.get(key) ?? 0) - (busy.get(key) ?? Number.NEGATIVE_INFINITY) < REMEMBERED_MS,
    newestMs: (key) => newest.get(key) ?? 0,
    bounds(key, clockMs, isKept) {
      const latestMs = at(key, clockMs);
      return { soonestMs: isKept && !unsure.has(key) ? latestMs : clockMs, latestMs };
    },
  };
}
