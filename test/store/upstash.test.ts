import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type AdminRequest, administer, chargesOf, keyStandingOf } from "../../src/limit/administer.ts";
import type { Ahead, Lockout, Receipt } from "../../src/limit/charge.ts";
import { type KeyRecord, readRecord } from "../../src/limit/key-record.ts";
import { MAX_CAPACITY_MS, type Quota } from "../../src/limit/quota.ts";
import { type Settlement, settleAll, settledStanding } from "../../src/limit/settle.ts";
import { takeAll } from "../../src/limit/take.ts";
import type { StoreCharge } from "../../src/store/store.ts";
import { createUpstashStore } from "../../src/store/upstash.ts";
import { type RunningRedis, startLocalRedis } from "../support/local-store.ts";
import { LUA } from "../support/lua.ts";
import { describeAdministration } from "./administration-contract.ts";
import { charge, describeStore, plain, quota, START_MS } from "./contract.ts";
import { lockoutOf, plainAdministration } from "./fixtures.ts";

let redis: RunningRedis;
let opened = 0;

beforeAll(async () => {
  redis = await startLocalRedis();
});
afterAll(() => redis?.stop());
beforeEach(() => redis.rest.faults.clear());

/** A store with keys of its own, by a clock in the test's hand or by the server's. */
function open(clock: "own" | "server" = "own") {
  let nowMs = START_MS;
  let corrupt = 0;
  const namespace = `test-${opened++}`;
  const store = createUpstashStore({
    url: redis.rest.url,
    token: redis.rest.token,
    namespace,
    lua: LUA,
    onCorrupt: () => {
      corrupt += 1;
    },
    ...(clock === "own" && { now: () => nowMs }),
  });
  const setTime = (ms: number) => {
    nowMs = ms;
  };
  const administration = plainAdministration(store);
  return { store: plain(store), administration, setTime, namespace, corrupt: () => corrupt };
}

/** Sends commands as an operator would. */
async function command(...words: (string | number)[]): Promise<unknown> {
  const headers = { Authorization: `Bearer ${redis.rest.token}` };
  const response = await fetch(redis.rest.url, { method: "POST", headers, body: JSON.stringify(words) });
  return ((await response.json()) as { result: unknown }).result;
}

describeStore("the Upstash store", () => open());
describeAdministration("the Upstash store", () => open());

describe("the Upstash store", () => {
  const user = charge({ key: "user", quota: quota(5, 60_000) });
  const address = charge({ key: "address", quota: quota(30, 60_000) });
  const three = [user, charge({ key: "user", quota: quota(60, 3_600_000) }), address];

  it("makes one call with one MGET, and one SET for each admitted key, however many quotas there are", async () => {
    const { store } = open("server");
    await store.take(three);
    await redis.rest.resetStats();
    await store.take(three);
    expect(redis.rest.requests).toBe(1);
    expect(await redis.rest.commandStats()).toMatchObject({ evalsha: 1, time: 1, mget: 1, set: 2 });
    expect(Object.keys(await redis.rest.commandStats())).not.toContain("eval");
  });

  it("writes nothing when it refuses", async () => {
    const { store } = open("server");
    const one = charge({ quota: quota(1, 60_000) });
    await store.take([one]);
    await redis.rest.resetStats();
    expect((await store.take([one, address])).admitted).toBe(false);
    expect(Object.keys(await redis.rest.commandStats())).not.toContain("set");
  });

  it("writes once for a refusal that a lockout counts, and nothing while the key is locked out", async () => {
    const { store } = open("server");
    const one = charge({ quota: quota(1, 60_000), lockout: lockoutOf(2) });
    await store.take([one, address]);
    for (const sets of [1, 1, undefined]) {
      await redis.rest.resetStats();
      expect((await store.take([one, address])).admitted).toBe(false);
      const { evalsha, time, mget, set } = await redis.rest.commandStats();
      expect({ evalsha, time, mget, set }).toEqual({ evalsha: 1, time: 1, mget: 1, set: sets });
    }
  });

  it("keeps what it counts of a lockout on a line of its own, until it means nothing any more", async () => {
    const { store, namespace } = open("server");
    const one = charge({ quota: quota(1, 1_000), lockout: lockoutOf(2) });
    const entry = async () => (await redis.entries()).find(({ key }) => key === `${namespace}:alice`);
    await store.take([{ ...one, cost: 2 }]);
    const counting = await entry();
    expect(counting?.value).toMatch(/^1 0 (\d+)\npolicy\/lockout \d+ 0 \1 1$/);
    expect(counting?.ttlMs).toBeGreaterThan(5_000);
    expect(counting?.ttlMs).toBeLessThanOrEqual(10_000);
    await store.take([{ ...one, cost: 2 }]);
    const locked = await entry();
    expect(locked?.value).toMatch(/^1 0 \d+\npolicy\/lockout (\d+) \1$/);
    expect(locked?.ttlMs).toBeGreaterThan(55_000);
    expect(locked?.ttlMs).toBeLessThanOrEqual(60_000);
  });

  it("honours a stored lockout", async () => {
    const { store, namespace } = open();
    const end = START_MS + 60_000;
    await command("SET", `${namespace}:alice`, `1 0 5\npolicy/lockout ${end} ${end}`, "PX", 60_000);
    const [decision] = (await store.take([charge({ lockout: lockoutOf(2) })])).decisions;
    expect(decision).toMatchObject({ lockedOut: true, retryAfterMs: 60_000 });
  });

  it.each([
    ["nothing", ""],
    ["half an entry", `${START_MS + 60_000} 5`],
    ["entries out of order", `${START_MS + 60_000} 5 1 5 1`],
    ["an end after the end of time", `${2 ** 52 + 1}`],
    ["a sliding window's state", `${START_MS + 60_000} 1 ${START_MS + 70_000} 1`],
  ])("reads %s as no lockout", async (_, words) => {
    const { store, namespace, corrupt } = open();
    const value = `1 0 5\npolicy/lockout ${START_MS + 60_000} ${words}`;
    await command("SET", `${namespace}:alice`, value, "PX", 60_000);
    expect((await store.take([charge({ lockout: lockoutOf(2) })])).decisions[0]?.allowed).toBe(true);
    expect(corrupt()).toBe(0);
  });

  it("makes one call for what an operator asks, and writes nothing to look", async () => {
    const { administration } = open("server");
    const override = { charge: user, limit: 9, untilMs: Date.now() + 60_000 };
    const asked = [
      [() => administration.peek(three), undefined],
      [() => administration.override([override, { ...override, charge: address }]), 2],
      [() => administration.reset(three), 2],
    ] as const;
    await administration.reset(three);
    for (const [ask, set] of asked) {
      await redis.rest.resetStats();
      await ask();
      expect(redis.rest.requests).toBe(1);
      const { evalsha, time, mget, set: sets } = await redis.rest.commandStats();
      expect({ evalsha, time, mget, set: sets }).toEqual({ evalsha: 1, time: 1, mget: 1, set });
    }
  });

  it("takes as ever under an override: one MGET, and one SET for each admitted key", async () => {
    const { store, administration } = open("server");
    await administration.override([{ charge: user, limit: 9, untilMs: Date.now() + 60_000 }]);
    await redis.rest.resetStats();
    expect((await store.take(three)).decisions[0]).toMatchObject({ limit: 9, remaining: 8 });
    expect(await redis.rest.commandStats()).toMatchObject({ evalsha: 1, time: 1, mget: 1, set: 2 });
  });

  it("keeps an override on a line of its own, with an expiry at its end", async () => {
    const { administration, namespace } = open("server");
    const untilMs = Date.now() + 7_200_000;
    await administration.override([{ charge: user, limit: 0, untilMs }]);
    const entry = (await redis.entries()).find(({ key }) => key === `${namespace}:user`);
    expect(entry?.value).toMatch(new RegExp(`^1 0 \\d+\\n${user.count}/override ${untilMs} 0$`));
    expect(Math.abs((entry?.ttlMs ?? 0) - 7_200_000)).toBeLessThan(5_000);
  });

  it("keeps a bucket's debt no longer for a lower limit than that is in force", async () => {
    const { store, administration, namespace } = open("server");
    const bucket = charge({ key: "user", quota: quota(60, 60_000, "token-bucket") });
    await administration.override([{ charge: bucket, limit: 1, untilMs: Date.now() + 70_000 }]);
    await store.take([bucket]);
    await administration.override([{ charge: bucket, limit: undefined, untilMs: 0 }]);
    await store.take([{ ...bucket, cost: 30 }]);
    await administration.override([{ charge: bucket, limit: 1, untilMs: Date.now() + 1_000 }]);
    const entry = (await redis.entries()).find(({ key }) => key === `${namespace}:user`);
    expect(entry?.ttlMs).toBeLessThanOrEqual(80_000);
  });

  it.each(["-1", "1.5", "5 5", "", `${2 ** 53 - 1}`])("reads %j as no override", async (words) => {
    const { store, namespace } = open();
    const value = `1 0 5\n${user.count}/override ${START_MS + 60_000} ${words}`;
    await command("SET", `${namespace}:user`, value, "PX", 60_000);
    const [decision] = (await store.take([user])).decisions;
    expect(decision).toMatchObject({ allowed: true, remaining: 4 });
    expect(decision).not.toHaveProperty("limit");
  });

  it("sends the script's text only when the server does not know it", async () => {
    const { store } = open("server");
    await store.take([user]);
    await command("SCRIPT", "FLUSH");
    await redis.rest.resetStats();
    await store.take([user]);
    expect((await store.take([user])).decisions[0]?.remaining).toBe(2);
    expect(redis.rest.requests).toBe(3);
    expect(await redis.rest.commandStats()).toMatchObject({ evalsha: 2, eval: 1 });
  });

  it("gives every key an expiry, when its state means nothing any more", async () => {
    const { store, namespace } = open("server");
    await store.take(three);
    const entries = (await redis.entries()).filter(({ key }) => key.startsWith(namespace));
    expect(entries.map(({ key }) => key).toSorted()).toEqual([`${namespace}:address`, `${namespace}:user`]);
    for (const { key, ttlMs } of entries) {
      const windowMs = key.endsWith("user") ? 3_600_000 : 60_000;
      expect(ttlMs).toBeGreaterThan(windowMs - 10_000);
      expect(ttlMs).toBeLessThanOrEqual(windowMs);
    }
  });

  it("keeps what a clock set back has still to come to, not only for as long as it counts", async () => {
    const { store, setTime, namespace } = open();
    await store.take([user]);
    setTime(START_MS - 10_000);
    await store.take([user]);
    const [entry] = (await redis.entries()).filter(({ key }) => key.startsWith(namespace));
    // In the test's time they get an hour more.
    const countedMs = (entry?.ttlMs ?? 0) - 3_600_000;
    expect(countedMs).toBeGreaterThan(70_000 - 5_000);
    expect(countedMs).toBeLessThanOrEqual(70_000);
  });

  it.each(["", "2 0 0", "1 0", "1 0 x", "1 0 5\nc", "1 0 5\nc 9 1.5", "{}"])(
    "takes a stored %j for empty and says so",
    async (value) => {
      const { store, namespace, corrupt } = open();
      await command("SET", `${namespace}:user`, value, "PX", 60_000);
      expect((await store.take([user])).decisions[0]?.remaining).toBe(4);
      expect(corrupt()).toBe(1);
    },
  );

  it("makes one attempt, and counts once what was executed though the answer was lost", async () => {
    const { store } = open("server");
    await store.take([user]);
    redis.rest.faults.set({ kind: "drop" });
    await redis.rest.resetStats();
    const failure = await store.take([user]).then(
      () => "answered",
      () => "failed",
    );
    expect([failure, redis.rest.requests]).toEqual(["failed", 1]);
    redis.rest.faults.clear();
    expect((await store.take([user])).decisions[0]?.remaining).toBe(2);
  });

  it("never runs back in time, and says how long the clock takes to return", async () => {
    const { store, setTime } = open();
    const one = charge({ quota: quota(1, 1_000) });
    await store.take([one]);
    setTime(START_MS - 3_600_000);
    expect((await store.take([one])).decisions[0]).toMatchObject({ allowed: false, retryAfterMs: 3_601_000 });
  });
});

/**
 * One call of a store, some time after the one before: a take, the settling or renewing of all that is still open, or what an
 * operator does.
 */
type Step =
  | { readonly kind: "administer"; readonly moveMs: number; readonly request: AdminRequest }
  | { readonly kind: "renew"; readonly moveMs: number }
  | { readonly kind: "take"; readonly moveMs: number; readonly charges: readonly StoreCharge[] }
  | { readonly kind: "settle"; readonly moveMs: number; readonly cost: number };

const quotas: fc.Arbitrary<Quota> = fc
  .record({
    algorithm: fc.constantFrom<Quota["algorithm"][]>(
      "sliding-window",
      "token-bucket",
      "fixed-window",
      "concurrency",
    ),
    limit: fc.oneof(
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 100, max: 200 }),
      fc.integer({ min: 1, max: 1e6 }),
    ),
    windowMs: fc.oneof(
      fc.constantFrom(1_000, 60_000, 86_400_000),
      fc.integer({ min: 1, max: 86_400 }).map((s) => s * 1_000),
    ),
    burst: fc.integer({ min: 1, max: 50_000 }),
  })
  .map(({ burst, ...rest }) => ({ ...rest, burst: rest.algorithm === "token-bucket" ? burst : rest.limit }));

const lockouts: fc.Arbitrary<Lockout> = fc
  .record({
    refusals: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 120, max: 200 })),
    withinMs: fc.integer({ min: 1, max: 86_400_000 }),
    durationMs: fc.integer({ min: 1, max: 86_400_000 }),
  })
  .map((times) => lockoutOf(times.refusals, { ...times, id: `lockout/${times.refusals}` }));

/** For a few or for many, held for no time, a moment, or longer than many a window. */
const aheads: fc.Arbitrary<Ahead> = fc.record({
  units: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 200_000 })),
  holdMs: fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: 86_400_000 })),
});

/** Given back and taken anew, as slots are. */
function renewal(receipt: Receipt): Settlement[] {
  const anew = { ...receipt, charge: { ...receipt.charge, cost: 0 } };
  return [
    { receipt, cost: 0 },
    { receipt: anew, cost: receipt.charge.cost },
  ];
}

function stepsFor([pool, lockoutPool]: readonly [readonly Quota[], readonly Lockout[]]): fc.Arbitrary<
  Step[]
> {
  const chosen = fc.constantFrom(...pool);
  const move = fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    {
      weight: 3,
      arbitrary: chosen.chain(({ windowMs, limit }) =>
        fc.integer({ min: 0, max: Math.ceil(windowMs / limit) }),
      ),
    },
    { weight: 2, arbitrary: chosen.chain(({ windowMs }) => fc.integer({ min: -1_000, max: windowMs + 1 })) },
  );
  const cost = chosen.chain(({ burst }) =>
    fc.oneof(
      fc.constant(1),
      fc.integer({ min: 1, max: Math.max(1, Math.ceil(burst / 2)) }),
      fc.constant(burst + 1),
    ),
  );
  const one = fc
    .record({
      key: fc.constantFrom("a", "b"),
      quota: chosen,
      cost,
      shadow: fc.boolean(),
      lockout: fc.constantFrom(undefined, ...lockoutPool),
      ahead: fc.option(aheads, { nil: undefined }),
    })
    .map(charge);
  const charges = fc.uniqueArray(one, {
    minLength: 1,
    maxLength: 4,
    selector: ({ key, count }) => key + count,
  });
  const take = fc.record({ kind: fc.constant("take" as const), moveMs: move, charges });
  const limit = chosen.chain(({ limit, windowMs }) =>
    fc.oneof(
      fc.constantFrom(undefined, 0, 1, Math.floor(MAX_CAPACITY_MS / windowMs)),
      fc.integer({ min: 1, max: 2 * limit }),
    ),
  );
  const override = fc.record({ charge: one, limit, untilMs: fc.nat(86_400_000).map((ms) => START_MS + ms) });
  const request: fc.Arbitrary<AdminRequest> = fc.oneof(
    fc.record({
      kind: fc.constant("override" as const),
      overrides: fc.array(override, { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ kind: fc.constantFrom("reset" as const, "peek" as const), charges }),
  );
  const administer = fc.record({ kind: fc.constant("administer" as const), moveMs: move, request });
  const settle = fc.record({ kind: fc.constant("settle" as const), moveMs: move, cost: fc.nat(5_000) });
  const renew = fc.record({ kind: fc.constant("renew" as const), moveMs: move });
  return fc.array(
    fc.oneof({ weight: 7, arbitrary: take }, { weight: 2, arbitrary: administer }, settle, renew),
    {
      minLength: 1,
      maxLength: 25,
      size: "max",
    },
  );
}

const histories = fc
  .tuple(fc.array(quotas, { minLength: 1, maxLength: 3 }), fc.array(lockouts, { minLength: 1, maxLength: 2 }))
  .chain(stepsFor);

describe("the Lua twin", () => {
  it("decides and settles thousands of calls exactly as the core does", async () => {
    let calls = 0;
    let locked = 0;
    let permits = 0;
    let renewed = 0;
    let overridden = 0;
    let voided = 0;
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const { store, administration, setTime } = open();
        let records: ReadonlyMap<string, KeyRecord> = new Map();
        let pending: Receipt[] = [];
        let nowMs = START_MS;
        for (const step of history) {
          calls += 1;
          nowMs += step.moveMs;
          setTime(nowMs);
          if (step.kind === "take") {
            const { changed, ...expected } = takeAll(records, step.charges, nowMs);
            const { final, ...answer } = await store.take(step.charges);
            expect(answer).toEqual(expected);
            locked += expected.decisions.filter(({ lockedOut }) => lockedOut).length;
            permits += expected.decisions.filter((decision) => decision.permits).length;
            overridden += expected.decisions.filter(({ limit }) => limit !== undefined).length;
            pending.push(...answer.receipts);
            records = new Map([...records, ...changed]);
          } else if (step.kind === "administer") {
            const { request } = step;
            records = new Map([...records, ...administer(records, request, nowMs)]);
            const asked = chargesOf(request);
            const expected = asked.map((one) => keyStandingOf(records, one, nowMs));
            if (request.kind === "override") await administration.override(request.overrides);
            else if (request.kind === "reset") await administration.reset(request.charges);
            expect(await administration.peek(asked)).toEqual(expected);
          } else if (pending.length > 0) {
            const settled = pending.flatMap((receipt) =>
              step.kind === "renew" ? renewal(receipt) : [{ receipt, cost: step.cost }],
            );
            records = new Map([...records, ...settleAll(records, settled, nowMs)]);
            const expected = settled.map((settlement) => settledStanding(records, settlement, nowMs));
            expect(await store.settle(settled)).toEqual(expected.filter((standing) => standing));
            voided += expected.filter((standing) => !standing).length;
            const renewals = step.kind === "renew" ? pending : [];
            pending = renewals.map((receipt, i) => {
              return { ...receipt, timeMs: expected[2 * i + 1]?.nowMs ?? receipt.timeMs };
            });
            renewed += pending.length;
          }
          for (const record of records.values()) expect(readRecord(record)).toBeDefined();
        }
      }),
      { numRuns: 400 },
    );
    expect(calls).toBeGreaterThan(2_000);
    expect(locked).toBeGreaterThan(250);
    expect(permits).toBeGreaterThan(250);
    expect(renewed).toBeGreaterThan(250);
    expect(overridden).toBeGreaterThan(250);
    expect(voided).toBeGreaterThan(0);
  });
});
