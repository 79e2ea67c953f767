import fc from "fast-check";
import type { createWorld, Isolate, Way } from "./permit-world.ts";

/** What happens in one of the isolates, some time after what happened before. */
type Event =
  | { readonly kind: "send"; readonly waitMs: number; readonly isolate: number; readonly messages: number }
  | { readonly kind: "die" | "leave"; readonly waitMs: number; readonly isolate: number }
  | { readonly kind: "skew"; readonly waitMs: number; readonly backMs: number };

const ISOLATES = 4;
const anyWaitMs = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 500 }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 4_000 }) },
);
const anyIsolate = fc.nat(ISOLATES - 1);
const send = fc.record({
  kind: fc.constant("send" as const),
  waitMs: anyWaitMs,
  isolate: anyIsolate,
  messages: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 30 })),
});
const end = fc.record({
  kind: fc.constantFrom("die" as const, "leave" as const),
  waitMs: anyWaitMs,
  isolate: anyIsolate,
});
const skew = fc.record({
  kind: fc.constant("skew" as const),
  waitMs: anyWaitMs,
  backMs: fc.integer({ min: 0, max: 20_000 }),
});

/** Sends, and now and then an isolate that dies or is left, or a store whose clock runs back. */
export const anyEvents = fc.array(
  fc.oneof({ weight: 12, arbitrary: send }, { weight: 1, arbitrary: end }, { weight: 1, arbitrary: skew }),
  { minLength: 20, maxLength: 120, size: "max" },
);

/** The same without anything that loses what is held. */
export const anyPeacefulEvents = fc
  .array(fc.oneof({ weight: 12, arbitrary: send }, end), { minLength: 5, maxLength: 60, size: "max" })
  .map((all) => all.filter(({ kind }) => kind !== "die"));

export const anySeed = fc.integer({ min: 1 });

/** Whole numbers below a bound, one after the other. */
export function dice(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

/** Seldom slower than a call may be. */
export function anyWayOf(seed: number, lossPercent: number, slowMs: number): Way {
  const roll = dice(seed);
  const ms = () => (roll(10) === 0 ? roll(slowMs) : roll(60));
  return { thereMs: ms, backMs: ms, isLost: () => roll(100) < lossPercent };
}

/**
 * Lets it all happen. Whoever has died or left is followed by another, whose clock is wrong otherwise.
 *
 * @param isolate gives one whose clock is wrong by so many milliseconds
 */
export async function run(
  { setSkew, pass }: ReturnType<typeof createWorld>,
  isolate: (aheadMs: number) => Isolate,
  events: readonly Event[],
  seed: number,
): Promise<void> {
  const roll = dice(seed);
  const born = () => isolate(roll(100_000) - 50_000);
  const isolates = Array.from({ length: ISOLATES }, born);
  let backMs = 0;
  for (const event of events) {
    await pass(event.waitMs);
    if (event.kind === "skew") {
      backMs -= event.backMs;
      setSkew(backMs);
      continue;
    }
    const own = isolates[event.isolate];
    if (event.kind === "send") {
      for (let i = 0; i < event.messages; i++) void own?.send();
      continue;
    }
    own?.[event.kind]();
    isolates[event.isolate] = born();
  }
  await pass(5_000);
}
