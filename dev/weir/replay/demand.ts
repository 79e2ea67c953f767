import type { Charge } from "../../../src/limit/charge.ts";
import { createLiveMap } from "./live-map.ts";
import type { Plan } from "./plan.ts";
import type { QuotaTally, Tallies } from "./tallies.ts";
import { WindowUse } from "./window-use.ts";

/** What callers would use if nothing were refused: from it follows what limits would have to be. */
export interface Demand {
  /**
   * Takes account of one charge of a plan.
   *
   * @param counts whether the request goes on counting after its response
   */
  note(plan: Plan, index: number, timeMs: number, counts: boolean): void;
  /** Takes account of what is still open. */
  end(): void;
}

/** One key's use of its quotas, by their place among all. */
export interface KeyUse {
  readonly windows: (WindowUse | undefined)[];
  /** It was let go: a plan that still has it must look for another. */
  isGone: boolean;
}

export function createDemand({ quotas }: Tallies, maxKeys: number): Demand {
  const uses = createLiveMap<KeyUse>(maxKeys, idleAtMs, (key, use) => {
    use.isGone = true;
    for (const [index, window] of use.windows.entries()) if (window) close(key, quotas[index], window);
  });

  function useOf({ key }: Charge, timeMs: number): KeyUse {
    const known = uses.get(key);
    if (known) return known;
    const use: KeyUse = { windows: new Array<undefined>(quotas.length).fill(undefined), isGone: false };
    uses.set(key, use, timeMs);
    return use;
  }

  return {
    note(plan, index, timeMs, counts) {
      const charge = plan.charges[index];
      const tally = plan.quotas[index];
      if (!charge || !tally) return;
      let use = plan.uses[index];
      if (!use || use.isGone) {
        use = useOf(charge, timeMs);
        plan.uses[index] = use;
      }
      const { quota } = tally.quota;
      const window = use.windows[tally.index] ?? new WindowUse(quota);
      use.windows[tally.index] = window;
      const used = window.note(timeMs, charge.cost, counts);
      tally.ranks.add(quota.algorithm === "fixed-window" ? window.clockRank : used);
      if (window.ended > 0) tally.clockWindows.add(window.ended);
    },
    end: () => uses.clear(),
  };
}

function close(key: string, tally: QuotaTally | undefined, window: WindowUse): void {
  if (window.clockUsed > 0) tally?.clockWindows.add(window.clockUsed);
  const isFixed = tally?.quota.quota.algorithm === "fixed-window";
  tally?.callers.add(key, isFixed ? window.clockPeak : window.peak);
}

const idleAtMs = ({ windows }: KeyUse): number =>
  windows.reduce((latest, window) => Math.max(latest, window?.idleAtMs ?? 0), 0);
