import { AsyncLocalStorage } from "node:async_hooks";
import type { VirtualTime } from "./virtual-time.ts";

/** On whose behalf code runs: one request in one isolate, with all that goes on for it. */
export interface Scope {
  /** Whether anything of it still goes on: its isolate lives, and its client waits or its work is kept alive. */
  isAlive(): boolean;
}

const scopes = new AsyncLocalStorage<Scope | undefined>();

export const currentScope = (): Scope | undefined => scopes.getStore();

export const runIn = <T>(scope: Scope | undefined, run: () => T): T => scopes.run(scope, run);

/** Runs something later in the scope that is current now, unless it has died by then. */
export function laterInScope(time: VirtualTime, ms: number, run: () => void) {
  const scope = currentScope();
  return time.after(ms, () => {
    if (!scope || scope.isAlive()) scopes.run(scope, run);
  });
}

/** Lets `setTimeout` go by virtual time while `body` runs. What dies takes its timers along. One at a time in a thread. */
export async function withVirtualTimers<T>(time: VirtualTime, body: () => Promise<T>): Promise<T> {
  const { setTimeout, clearTimeout } = globalThis;
  const timers = {
    setTimeout: (run: () => void, ms = 0) => laterInScope(time, ms, run),
    clearTimeout: (timer?: ReturnType<VirtualTime["after"]>) => timer?.cancel(),
  };
  Object.assign(globalThis, timers);
  try {
    return await body();
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
}
