import { describe, expect, it } from "vitest";
import type { Decision } from "../../src/limit/charge.ts";
import { createKnownRefusals } from "../../src/store/known-refusals.ts";
import { withLeases } from "../../src/store/leases.ts";
import type { TakeAnswer } from "../../src/store/store.ts";
import { heapBytes } from "../support/heap.ts";
import { charge, patience, quota, START_MS } from "./fixtures.ts";

const MIB = 2 ** 20;
/** A million takes a while where others work, too. */
const TIMEOUT_MS = 120_000;
const HORIZON_MS = 10_000;
const one = charge({ quota: quota(10, 60_000), lease: true });
/** As long as a digest. */
const keyOf = (i: number) => `${i}`.padStart(22, "k");

describe("known refusals", () => {
  /** As RPC or JSON bring it: nothing of it is shared. */
  const freshRefusal = (i: number): Decision => ({
    allowed: false,
    retryAfterMs: 5_000,
    remaining: 0,
    moreRoomMs: 5_000,
    resetMs: 50_000 + i / 2,
    nowMs: START_MS + i,
  });

  it("of a million keys take no more memory than those of ten thousand", { timeout: TIMEOUT_MS }, () => {
    const known = createKnownRefusals(() => START_MS);
    const before = heapBytes();
    const grownAfter: number[] = [];
    for (let i = 0; i < 1_000_000; i++) {
      known.remember({ ...one, key: keyOf(i) }, freshRefusal(i), START_MS);
      if (i === 9_999 || i === 999_999) grownAfter.push(heapBytes() - before);
    }
    expect(known.find({ ...one, key: keyOf(990_000) }, HORIZON_MS)).toBeDefined();
    expect(known.find({ ...one, key: keyOf(989_999) }, HORIZON_MS)).toBeUndefined();
    const [few = 0, many = 0] = grownAfter;
    expect(many).toBeLessThan(8 * MIB);
    expect(many - few).toBeLessThan(MIB);
  });

  it("of a few keys, again and again, take no more memory than once", { timeout: TIMEOUT_MS }, () => {
    const known = createKnownRefusals(() => START_MS);
    const before = heapBytes();
    for (let i = 0; i < 500_000; i++)
      known.remember({ ...one, key: keyOf(i % 50) }, freshRefusal(i), START_MS);
    expect(heapBytes() - before).toBeLessThan(4 * MIB);
    expect(known.find({ ...one, key: keyOf(1) }, HORIZON_MS)).toBeDefined();
  });

  it("of policies with long names are fewer, so that they take no more memory either", () => {
    const known = createKnownRefusals(() => START_MS);
    const before = heapBytes();
    for (let i = 0; i < 20_000; i++) {
      // Of another letter each, so that none shares its name with others.
      const count = String.fromCharCode(32 + (i % 90)).repeat(4_000 + i);
      known.remember(
        { ...one, key: keyOf(i), count: Buffer.from(count).toString("latin1") },
        freshRefusal(i),
        START_MS,
      );
    }
    expect(heapBytes() - before).toBeLessThan(9 * MIB);
  });
});

describe("leases of a hundred thousand keys", () => {
  it("take no more memory than those of the last ten thousand", { timeout: TIMEOUT_MS }, async () => {
    const decision = {
      allowed: true,
      retryAfterMs: 0,
      remaining: 9,
      moreRoomMs: 1,
      resetMs: 1,
      nowMs: START_MS,
    };
    const answer: TakeAnswer = {
      admitted: true,
      outcomes: [{ kind: "decided", decision }],
      receipts: [],
      final: true,
    };
    const leased = withLeases(
      { take: async () => answer, settle: async () => [] },
      {
        now: () => START_MS,
        newDeadline: () => patience,
        newWait: () => patience,
        waitUntil: () => {},
        random: () => 0,
      },
    );
    const before = heapBytes();
    for (let i = 0; i < 100_000; i++) await leased.take([{ ...one, key: keyOf(i) }], patience);
    expect(heapBytes() - before).toBeLessThan(12 * MIB);
    expect(leased).toBeDefined();
  });
});
