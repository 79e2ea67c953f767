import { useSyncExternalStore } from "hono/jsx/dom";

const TICK_MS = 1_000;
const listeners = new Set<() => void>();
let ticks = 0;
let timer: number | undefined;

function tick(): void {
  ticks += 1;
  for (const listener of [...listeners]) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= window.setInterval(tick, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    window.clearInterval(timer);
    timer = undefined;
  };
}

/** Epoch milliseconds in a component, which is drawn again each second. One timer for all of them. */
export function useNow(): number {
  useSyncExternalStore(subscribe, () => ticks);
  return Date.now();
}
