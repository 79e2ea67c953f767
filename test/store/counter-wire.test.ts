import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { administer } from "../../src/limit/administer.ts";
import type { Ahead, Charge, Lockout } from "../../src/limit/charge.ts";
import { ALGORITHMS, CONCURRENCY, MAX_CAPACITY_MS, type Quota } from "../../src/limit/quota.ts";
import { takeAll } from "../../src/limit/take.ts";
import { type Counter, MESSAGE_FORMAT, type TakeMessage } from "../../src/store/counter-protocol.ts";
import {
  createRemote,
  type Row,
  readSettle,
  readTake,
  writeSettleReply,
  writeTakeReply,
} from "../../src/store/counter-wire.ts";
import { charge, START_MS } from "./fixtures.ts";

const anyNumber = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 100_000 }));
const anyText = fc.string({ minLength: 1 });
const anyCharge: fc.Arbitrary<Charge> = fc.record({
  key: fc.constantFrom("alice", "bob"),
  count: anyText,
  quota: fc.record<Quota>({
    algorithm: fc.constantFrom(...ALGORITHMS, CONCURRENCY),
    limit: anyNumber,
    windowMs: anyNumber,
    burst: anyNumber,
  }),
  cost: fc.integer({ min: 1, max: 10 }),
  shadow: fc.boolean(),
  durable: fc.boolean(),
  ahead: fc.option(fc.record<Ahead>({ units: anyNumber, holdMs: anyNumber }), { nil: undefined }),
  lockout: fc.option(
    fc.record<Lockout>({
      id: anyText,
      refusals: fc.integer({ min: 1, max: 2 }),
      withinMs: anyNumber,
      durationMs: anyNumber,
    }),
    { nil: undefined },
  ),
});
/** Of overrides: none, a block, the largest of the shortest window whose capacity is exact. */
const anyLimits = fc.array(
  fc.oneof(
    fc.constantFrom(undefined, 0, Math.floor(MAX_CAPACITY_MS / 1_000)),
    fc.integer({ min: 1, max: 2 ** 31 }),
  ),
  { minLength: 8 },
);
const anyCharges = fc.array(anyCharge, { maxLength: 4 });

/** A counter behind the wire, as copies. What was asked comes out of it as `seen`. */
function behindTheWire({ take, settle }: { [V in keyof Counter]: (m: never) => unknown }) {
  const seen: unknown[] = [];
  const sent = (row: Row): Row => structuredClone(row);
  const remote = createRemote({
    take(row) {
      const message = readTake(sent(row));
      seen.push(message);
      return sent(writeTakeReply(take(message as never) as never));
    },
    settle(row) {
      const message = readSettle(sent(row));
      seen.push(message);
      return sent(writeSettleReply(settle(message as never) as never));
    },
  });
  return { remote, seen };
}

describe("messages between Worker and object", () => {
  it("say what was asked, and what the object answered, whatever that is", async () => {
    const said = { refused: 0, permits: 0, lockedOut: 0, receipts: 0, overridden: 0, blocked: 0 };
    await fc.assert(
      fc.asyncProperty(
        anyCharges,
        anyCharges,
        anyLimits,
        fc.nat(5_000),
        async (before, charges, limits, tentativeMs) => {
          const { changed } = takeAll(new Map(), before, START_MS);
          const overrides = [...before, ...charges].map((one, i) => {
            return { charge: one, limit: limits[i], untilMs: START_MS + 9 };
          });
          const records = administer(changed, { kind: "override", overrides }, START_MS);
          const { changed: _, ...taken } = takeAll(new Map([...changed, ...records]), charges, START_MS);
          const reply = { ...taken, final: tentativeMs % 2 === 0 };
          const { remote, seen } = behindTheWire({ take: () => reply, settle: () => [] });
          const message: TakeMessage = { format: MESSAGE_FORMAT, charges, tentativeMs };
          expect(await remote.take(message)).toEqual(reply);
          expect(seen).toEqual([message]);
          said.refused += Number(!reply.admitted);
          said.permits += Number(reply.decisions.some(({ permits = 0 }) => permits > 0));
          said.lockedOut += Number(reply.decisions.some(({ lockedOut }) => lockedOut));
          said.receipts += reply.receipts.length;
          said.overridden += Number(reply.receipts.some(({ limit }) => limit !== undefined));
          said.blocked += Number(reply.decisions.some(({ limit }) => limit === 0));
        },
      ),
      { numRuns: 1_000 },
    );
    expect(Math.min(...Object.values(said))).toBeGreaterThan(0);
  });

  it("say what is settled, and how it stands then", async () => {
    const anySettlements = fc.array(
      fc.record({
        receipt: fc.record(
          {
            charge: anyCharge,
            epoch: fc.nat(),
            timeMs: anyNumber,
            limit: fc.maxSafeNat().map((n) => n % 2 ** 42),
          },
          { requiredKeys: ["charge", "epoch", "timeMs"] },
        ),
        cost: fc.nat(),
      }),
    );
    const standing = { remaining: 1, moreRoomMs: 2, resetMs: 3, nowMs: START_MS };
    await fc.assert(
      fc.asyncProperty(anySettlements, async (settlements) => {
        // One in three was void.
        const reply = settlements.map(({ cost }) =>
          cost % 3 ? { ...standing, remaining: cost } : undefined,
        );
        const { remote, seen } = behindTheWire({ take: () => [], settle: () => reply });
        const message = { format: MESSAGE_FORMAT, settlements } as const;
        expect(await remote.settle(message)).toEqual(reply);
        expect(seen).toEqual([message]);
      }),
    );
  });

  it("say of an override nothing that a release before overrides would read otherwise", () => {
    const decision = {
      allowed: true,
      retryAfterMs: 0,
      remaining: 1,
      moreRoomMs: 2,
      resetMs: 3,
      nowMs: START_MS,
    };
    const reply = (limit?: number) => ({
      ...{ admitted: true, receipts: [], final: true },
      decisions: [{ ...decision, permits: 0, ...(limit !== undefined && { limit }) }],
    });
    const [plain, overridden] = [writeTakeReply(reply()), writeTakeReply(reply(2 ** 42))];
    const bitsAt = 3;
    expect(overridden.toSpliced(bitsAt, 1)).toEqual(plain.toSpliced(bitsAt, 1));
    expect(Number(overridden[bitsAt]) & 7).toBe(plain[bitsAt]);
  });

  it("leave the caller its own charge in the receipt", async () => {
    const { remote } = behindTheWire({
      take: ({ charges }: TakeMessage) => ({ ...takeAll(new Map(), charges, START_MS), final: true }),
      settle: () => [],
    });
    const one = charge({ provisional: true });
    const { receipts } = await remote.take({ format: MESSAGE_FORMAT, charges: [one], tentativeMs: 0 });
    expect(receipts[0]?.charge).toEqual(one);
  });

  it.each([
    ["an object with names", { format: 1, charges: [], tentativeMs: 0 }],
    ["a row of the next format", [MESSAGE_FORMAT + 1, 0]],
    ["nothing", undefined],
  ])("are refused when they are %s", async (_, message) => {
    expect(() => readTake(message as never)).toThrow("format");
    expect(() => readSettle(message as never)).toThrow("format");
    const strange = createRemote({ take: () => message as never, settle: () => message as never });
    const asked = { format: MESSAGE_FORMAT, charges: [], settlements: [], tentativeMs: 0 } as const;
    await expect(strange.take(asked)).rejects.toThrow("format");
    await expect(strange.settle(asked)).rejects.toThrow("format");
  });
});
