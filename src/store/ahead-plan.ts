import type { Ahead } from "../limit/charge.ts";
import type { Costs } from "./believed-refusal.ts";
import { Pace } from "./pace.ts";
import type { StoreCharge } from "./store.ts";

/** How much to take ahead, and when: by how fast it has been used lately. */
export interface AheadPlan {
  /** How long permits are held; 0 when none can be taken ahead. */
  readonly holdMs: number;
  note(costs: Costs, nowMs: number): void;
  /** What to take under each charge, in their order; undefined when it would not pay for another like this one. */
  aheads(costs: Costs, nowMs: number): readonly Ahead[] | undefined;
  /** Whether what is held under each count will not last until a call is answered. */
  isShort(costs: Costs, held: (count: string) => number, nowMs: number): boolean;
}

/** The longest that permits are held, and the part of a window: a steady caller loses as much of it. */
const MAX_HOLD_MS = 2_000;
const HOLD_SHARE = 1 / 20;
/** For less it is not worth taking any ahead. */
const MIN_HOLD_MS = 200;
/** The part of a limit that is asked for ahead at most. */
const MAX_SHARE = 1 / 20;
/** The part of their time in which permits are likely to be used: the next call comes before they end. */
const USED_SHARE = 1 / 2;
/** Asked for again before it runs out: when it lasts no longer than this. */
const LEAD_SECONDS = 0.25;

export function createAheadPlan(charges: readonly StoreCharge[]): AheadPlan {
  const holdMs = holdTimeOf(charges);
  const paces = new Map(charges.map(({ count }) => [count, new Pace()]));
  const perSecond = (count: string, nowMs: number) => paces.get(count)?.perSecond(nowMs) ?? 0;

  return {
    holdMs,
    note(costs, nowMs) {
      for (const [count, cost] of costs) paces.get(count)?.note(cost, nowMs);
    },
    aheads(costs, nowMs) {
      const aheads = charges.map(({ count, quota }): Ahead => {
        const likely = (perSecond(count, nowMs) * holdMs * USED_SHARE) / 1_000;
        return { units: Math.floor(Math.min(likely, quota.limit * MAX_SHARE)), holdMs };
      });
      // All charges must have room: one that has none to spare makes the others' useless.
      return charges.every(({ count }, i) => (aheads[i]?.units ?? 0) >= (costs.get(count) ?? 1))
        ? aheads
        : undefined;
    },
    isShort: (costs, held, nowMs) =>
      [...costs].some(([count, cost]) => {
        const soon = perSecond(count, nowMs) * LEAD_SECONDS;
        return soon >= cost && held(count) < soon;
      }),
  };
}

function holdTimeOf(charges: readonly StoreCharge[]): number {
  const isTakenAhead = ({ quota }: StoreCharge) =>
    quota.algorithm === "sliding-window" && quota.limit * MAX_SHARE >= 1;
  if (!charges.every(isTakenAhead)) return 0;
  const windowMs = Math.min(...charges.map(({ quota }) => quota.windowMs));
  const holdMs = Math.min(MAX_HOLD_MS, Math.floor(windowMs * HOLD_SHARE));
  return holdMs < MIN_HOLD_MS ? 0 : holdMs;
}
