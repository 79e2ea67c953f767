import { createRandom } from "../random.ts";
import { poisson } from "./fleet.ts";
import { createMeter, type Measured } from "./meter.ts";
import { createPlaces, offeredAt, SCENARIO, START_MS } from "./scenario.ts";

/** How often each place tells the others what it has let through, and how long that takes to reach them. */
export const SYNC_MS = 5_000;
export const SPREAD_MS = 250;
const STEP_MS = 10;
const WINDOW = SCENARIO.windowMs / STEP_MS;

/**
 * The same traffic where each place counts for itself: exactly for its own requests, and for those of all others as
 * they were when it last heard of them. Nobody asks anybody before deciding.
 */
export function runApproximate(seconds: number): Measured {
  const meter = createMeter(START_MS, seconds);
  const random = createRandom(2, "arrivals");
  const steps = (seconds * 1_000) / STEP_MS;
  const all = createSums(steps);
  const places = createPlaces().map(({ share }) => ({ share, own: createSums(steps) }));

  for (let step = 0; step < steps; step++) {
    const atMs = START_MS + step * STEP_MS;
    const heard = heardOf(step);
    let sum = 0;
    for (const { share, own } of places) {
      const others = all.between(step - WINDOW, heard) - own.between(step - WINDOW, heard);
      const room = Math.max(0, SCENARIO.limit - others - own.between(step - WINDOW, step - 1));
      const arrived = poisson(random, (share * offeredAt(atMs) * STEP_MS) / 1_000);
      const admitted = Math.min(arrived, room);
      own.add(step, admitted);
      sum += admitted;
      meter.offered(atMs, arrived);
      meter.admitted(atMs, admitted);
      meter.decided(0, true, arrived);
    }
    all.add(step, sum);
  }
  return meter.result();
}

/** The last step of which everybody has heard from everybody. */
function heardOf(step: number): number {
  const toldMs = Math.floor((step * STEP_MS - SPREAD_MS) / SYNC_MS) * SYNC_MS;
  return toldMs / STEP_MS - 1;
}

/** Sums of what was let through, by steps. */
function createSums(steps: number) {
  const upTo = new Float64Array(steps + 1);
  const at = (step: number) => upTo[Math.max(0, step + 1)] ?? 0;
  return {
    /** In the order of steps. */
    add(step: number, units: number): void {
      upTo[step + 1] = at(step - 1) + units;
    },
    /** After one step, up to another. */
    between: (after: number, last: number): number => Math.max(0, at(last) - at(after)),
  };
}
