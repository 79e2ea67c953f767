import fc from "fast-check";
import { ALGORITHMS, type Algorithm, MAX_CAPACITY_MS, type Quota } from "../../src/limit/quota.ts";
import { DAY, HOUR, MINUTE, quotaOf, SECOND, START } from "./fixtures.ts";

/** A call of a store: how far the clock moved since the call before, and what is asked for. */
export interface Step {
  readonly moveMs: number;
  readonly cost: number;
}

export const anyWindowMs = fc.oneof(
  fc.constantFrom(SECOND, 10 * SECOND, MINUTE, HOUR, DAY),
  fc.integer({ min: 1, max: DAY / SECOND }).map((seconds) => seconds * SECOND),
  fc.integer({ min: 1_000, max: DAY }),
);

/** Around the boundary of 128 as well as from 1 to 100 000. */
export const anyLimit = fc.oneof(
  fc.integer({ min: 1, max: 10 }),
  fc.integer({ min: 120, max: 140 }),
  fc.integer({ min: 1, max: 100_000 }),
);

const anyBucket = fc
  .tuple(anyLimit, anyWindowMs, fc.option(anyLimit, { nil: undefined }))
  .map(([limit, windowMs, burst]) => quotaOf(limit, windowMs, "token-bucket", burst));

/** At the largest capacity that a configuration accepts, where every bit of the arithmetic counts. */
const largestBucket = fc.tuple(anyLimit, anyWindowMs).map(([limit, windowMs]) => {
  const burst = Math.floor(MAX_CAPACITY_MS / windowMs);
  return quotaOf(Math.min(limit, burst), windowMs, "token-bucket", burst);
});

export function anyQuotaOf(algorithm: Algorithm, limits = anyLimit): fc.Arbitrary<Quota> {
  if (algorithm === "token-bucket") return fc.oneof({ weight: 4, arbitrary: anyBucket }, largestBucket);
  return fc.tuple(limits, anyWindowMs).map(([limit, windowMs]) => quotaOf(limit, windowMs, algorithm));
}

export const anyQuota = fc.constantFrom(...ALGORITHMS).chain((algorithm) => anyQuotaOf(algorithm));

/** The clock stands still, creeps, leaps, and stops right before, on and after a window. */
export function anyMove({ windowMs, limit }: Quota, backwards: boolean): fc.Arbitrary<number> {
  const sliceMs = Math.ceil(windowMs / 127);
  const forwards = fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 3 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: Math.ceil((2 * windowMs) / limit) }) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 3 * sliceMs }) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: windowMs }) },
    { weight: 2, arbitrary: fc.constantFrom(windowMs - 1, windowMs, windowMs + 1) },
  );
  const back = fc.integer({ min: -2 * windowMs, max: -1 });
  return backwards ? fc.oneof({ weight: 8, arbitrary: forwards }, back) : forwards;
}

/** One unit, a few, a part of the capacity, all of it, more than ever fits. */
export const anyCost = ({ burst }: Quota): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constant(1) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 5 }) },
    { weight: 4, arbitrary: fc.integer({ min: 1, max: Math.max(1, Math.floor(burst / 3)) }) },
    { weight: 1, arbitrary: fc.constantFrom(burst, burst + 1) },
  );

export function anySteps(quota: Quota, { backwards = false, maxLength = 40 } = {}): fc.Arbitrary<Step[]> {
  return fc.array(fc.record({ moveMs: anyMove(quota, backwards), cost: anyCost(quota) }), {
    minLength: 1,
    maxLength,
  });
}

/** A quota and what happens to it, from some instant on. */
export interface Story {
  readonly quota: Quota;
  readonly startMs: number;
  readonly steps: readonly Step[];
}

export function anyStory(
  quotas: fc.Arbitrary<Quota>,
  options?: { backwards?: boolean; maxLength?: number },
): fc.Arbitrary<Story> {
  return quotas.chain((quota) =>
    fc.record({
      quota: fc.constant(quota),
      // Late enough that a clock that runs back never comes before 1970.
      startMs: fc.integer({ min: START, max: START + DAY }),
      steps: anySteps(quota, options),
    }),
  );
}

/** The instants of a story's steps. */
export function* instantsOf({ startMs, steps }: Story): Generator<Step & { readonly clockMs: number }> {
  let clockMs = startMs;
  for (const step of steps) {
    clockMs += step.moveMs;
    yield { ...step, clockMs };
  }
}
