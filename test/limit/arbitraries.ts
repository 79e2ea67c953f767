import fc from "fast-check";
import type { Charge, Lockout } from "../../src/limit/charge.ts";
import { ALGORITHMS, type Algorithm, MAX_CAPACITY_MS, type Quota } from "../../src/limit/quota.ts";
import { chargeOf, DAY, HOUR, MINUTE, quotaOf, SECOND, START } from "./fixtures.ts";

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

/** One take of a story of several policies. */
interface PolicyTake {
  readonly moveMs: number;
  readonly charges: readonly Charge[];
}

export interface PolicyStory {
  readonly startMs: number;
  readonly takes: readonly PolicyTake[];
}

/** So small that they refuse often. */
const anySmallQuota = fc
  .tuple(
    fc.constantFrom(...ALGORITHMS),
    fc.integer({ min: 1, max: 3 }),
    fc.constantFrom(SECOND, 10 * SECOND, MINUTE),
  )
  .map(([algorithm, limit, windowMs]) => quotaOf(limit, windowMs, algorithm));

const anyLockout = (id: string, refusals: fc.Arbitrary<number>): fc.Arbitrary<Lockout> =>
  fc.record({
    id: fc.constant(id),
    refusals,
    withinMs: fc.oneof(fc.constantFrom(SECOND, 10 * SECOND, MINUTE), fc.integer({ min: 1, max: HOUR })),
    durationMs: fc.oneof(fc.constantFrom(SECOND, 10 * SECOND, MINUTE), fc.integer({ min: 1, max: HOUR })),
  });

/** The charges of a policy: several quotas, perhaps a lockout, perhaps a shadow. */
const anyPolicy = (name: string): fc.Arbitrary<Charge[]> =>
  fc
    .record({
      key: fc.constantFrom("caller", "caller", "address"),
      quotas: fc.array(anySmallQuota, { minLength: 1, maxLength: 3 }),
      lockout: fc.option(anyLockout(`${name}/lockout`, fc.integer({ min: 1, max: 4 })), {
        freq: 6,
        nil: undefined,
      }),
      shadow: fc.constantFrom(false, false, true),
    })
    .map(({ quotas, ...changes }) =>
      quotas.map((quota, i) => chargeOf(quota, { ...changes, count: `${name}/${i}` })),
    );

/** A clock that mostly creeps, and may run back. */
const anyShortMove = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(0, 0, 1) },
  { weight: 3, arbitrary: fc.nat(2 * SECOND) },
  { weight: 2, arbitrary: fc.constantFrom(SECOND - 1, SECOND, 10 * SECOND, MINUTE) },
  { weight: 1, arbitrary: fc.integer({ min: -MINUTE, max: HOUR }) },
);

/** What happens to three policies, of one key or two. */
export const anyPolicyStory: fc.Arbitrary<PolicyStory> = fc
  .tuple(anyPolicy("one"), anyPolicy("two"), anyPolicy("three"))
  .chain((policies) =>
    fc.record({
      startMs: fc.integer({ min: START, max: START + DAY }),
      takes: fc.array(
        fc
          .record({
            moveMs: anyShortMove,
            asked: fc.subarray(policies, { minLength: 1 }),
            cost: fc.constantFrom(1, 1, 1, 2, 4),
          })
          .map(({ moveMs, asked, cost }) => ({
            moveMs,
            charges: asked.flat().map((charge) => ({ ...charge, cost })),
          })),
        { minLength: 1, maxLength: 30, size: "max" },
      ),
    }),
  );

/** One charge with a lockout, and what happens to it. */
export interface LockedStory {
  readonly charge: Charge & { readonly lockout: Lockout };
  readonly startMs: number;
  readonly steps: readonly Step[];
}

/** About as fast as leads to a lockout; seldom, a leap. */
const anyMoveTowards = ({ refusals, withinMs }: Lockout): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 2 * refusals, arbitrary: fc.constant(0) },
    { weight: 2 * refusals, arbitrary: fc.nat(Math.ceil((3 * withinMs) / refusals)) },
    { weight: 2, arbitrary: anyShortMove },
  );

/** @param refusals how many lock the key out */
export const anyLockedStory = (refusals: { min: number; max: number }): fc.Arbitrary<LockedStory> =>
  fc.tuple(anySmallQuota, anyLockout("policy/lockout", fc.integer(refusals))).chain(([quota, lockout]) =>
    fc.record({
      charge: fc.constant({ ...chargeOf(quota), lockout }),
      startMs: fc.integer({ min: START, max: START + DAY }),
      steps: fc.array(
        fc.record({
          moveMs: anyMoveTowards(lockout),
          cost: fc.constantFrom(1, 1, 1, quota.burst, 4),
        }),
        { minLength: lockout.refusals, maxLength: 20 + 2 * lockout.refusals, size: "max" },
      ),
    }),
  );
