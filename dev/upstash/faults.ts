/**
 * What can go wrong with a request, for tests. None of them is random: a fault hits every request until it is
 * cleared, replaced, or has hit `times` requests.
 */
export type Fault = { times?: number } & ({ kind: "delay"; ms: number } | { kind: SimpleFault });

/**
 * - `hang`: the request is never answered and not executed
 * - `drop`: executed, then the connection is closed without an answer
 * - `half`: executed, then the connection breaks after half of the announced body
 * - `reset`: the connection is reset (RST) before anything is executed
 * - `unauthorized`: 401, as for a wrong token
 * - `too-many`: 429 with Upstash's text for a used-up plan, as a proxy in between might send it
 * - `quota`: the same text with 400, which is what users of Upstash report
 * - `html`: 500 with a page, as from a load balancer
 * - `flush-scripts`: Redis forgets all scripts, then the request is executed
 *
 * and `delay`: the request waits `ms`, then it is executed.
 */
export const SIMPLE_FAULTS = [
  "hang",
  "drop",
  "half",
  "reset",
  "unauthorized",
  "too-many",
  "quota",
  "html",
  "flush-scripts",
] as const;
export type SimpleFault = (typeof SIMPLE_FAULTS)[number];

export type Faults = {
  /** Replaces the fault there was. */
  set: (fault: Fault) => void;
  /** Requests that hang already go on hanging. */
  clear: () => void;
  /** The fault for the request at hand, which counts as one of its times. */
  take: () => Fault | undefined;
};

export function createFaults(): Faults {
  let current: Fault | undefined;
  let left = 0;
  return {
    set: (fault) => {
      current = fault;
      left = fault.times ?? Number.POSITIVE_INFINITY;
    },
    clear: () => {
      current = undefined;
    },
    take: () => {
      if (left <= 0) current = undefined;
      left -= 1;
      return current;
    },
  };
}

/** Reads a fault that came as JSON; undefined when it is none. */
export function parseFault(value: unknown): Fault | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { kind, ms, times } = value as Record<string, unknown>;
  if (times !== undefined && !isWhole(times)) return undefined;
  const counted = times === undefined ? {} : { times };
  if (kind === "delay") return isWhole(ms) ? { kind, ms, ...counted } : undefined;
  const simple = SIMPLE_FAULTS.find((name) => name === kind);
  return simple === undefined ? undefined : { kind: simple, ...counted };
}

function isWhole(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
