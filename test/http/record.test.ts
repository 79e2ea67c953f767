import { describe, expect, it } from "vitest";
import { createRecord } from "../../src/http/record.ts";
import type { Decision } from "../../src/limit/charge.ts";
import type { LimitType } from "../../src/metrics/series.ts";
import type { Outcome, TakeAnswer } from "../../src/store/store.ts";
import { chargesOf } from "../key/fixtures.ts";

const ROOM: Decision = { allowed: true, remaining: 4, retryAfterMs: 0, moreRoomMs: 1, resetMs: 1, nowMs: 1 };
const decided = (changes: Partial<Decision> = {}): Outcome => ({
  kind: "decided",
  decision: { ...ROOM, ...changes },
});
const allowed = decided();
const refused = decided({ allowed: false, remaining: 0, retryAfterMs: 5_000 });
const unasked: Outcome = { kind: "unasked" };

interface Recorded {
  readonly counts: Readonly<Record<string, number>>;
  readonly keys: readonly string[];
  readonly lines: readonly string[];
}

const five = { name: "five", limit: "5/minute" };
const other = { name: "other", limit: "5/minute", key: "host" };

/** What is recorded of requests that policies apply to, each with the outcomes of its charges. */
async function recordedOf(
  policies: readonly Readonly<Record<string, unknown>>[],
  answers: readonly (readonly Outcome[] | undefined)[],
  { type = "http", stepMs = 0 }: { type?: LimitType; stepMs?: number } = {},
): Promise<Recorded> {
  const counts: Record<string, number> = {};
  const keys: string[] = [];
  const lines: string[] = [];
  let nowMs = 1_800_000_000_000;
  const record = createRecord({
    now: () => nowMs,
    log: (event, fields) => lines.push([event, ...Object.values(fields ?? {})].join(" ")),
    metrics: {
      count: (series, by = 1) => {
        counts[series] = (counts[series] ?? 0) + by;
      },
      refused: (policy, key) => keys.push(`${policy} ${key.length}`),
    },
  });
  const charges = await chargesOf(policies, {});
  for (const outcomes of answers) {
    record(
      type,
      charges,
      outcomes &&
        answerOf(
          charges.map(({ charge }) => charge.shadow),
          outcomes,
        ),
    );
    nowMs += stepMs;
  }
  return { counts, keys, lines };
}

function answerOf(shadows: readonly boolean[], outcomes: readonly Outcome[]): TakeAnswer {
  const admits = (outcome: Outcome) =>
    outcome.kind === "open" ||
    ((outcome.kind === "decided" || outcome.kind === "local") && outcome.decision.allowed);
  const admitted = outcomes.every((outcome, i) => shadows[i] || admits(outcome));
  return { admitted, outcomes, receipts: [], final: false };
}

describe("a record counts", () => {
  it("a request once for each policy, however many quotas it has", async () => {
    const two = { name: "two", limit: "5/minute, 6/hour" };
    expect((await recordedOf([two, other], [[allowed, allowed, allowed]])).counts).toEqual({
      "requests two allowed": 1,
      "requests other allowed": 1,
      "answers allowed": 1,
    });
  });

  it("a request that no policy limits as one", async () => {
    expect((await recordedOf([], [undefined])).counts).toEqual({ "answers unlimited": 1 });
  });

  it("a refusal by its policy and kind, with its key and a line", async () => {
    for (const type of ["http", "ws_connection"] as const) {
      expect(await recordedOf([five], [[refused]], { type })).toEqual({
        counts: { "requests five refused": 1, [`hits ${type}`]: 1, "answers refused": 1 },
        keys: ["five 22"],
        lines: ["refused five five"],
      });
    }
  });

  it("a refusal by several quotas as one of the first of them", async () => {
    const two = { name: "two", limit: "5/minute, 6/hour" };
    expect(await recordedOf([two], [[refused, refused]])).toMatchObject({
      counts: { "requests two refused": 1, "hits http": 1 },
      lines: ["refused two two-minute"],
    });
    expect((await recordedOf([two], [[allowed, refused]])).lines).toEqual(["refused two two-hour"]);
  });

  it("nothing for a policy that had room, or was not asked, when another refused", async () => {
    for (const outcome of [allowed, unasked])
      expect((await recordedOf([five, other], [[outcome, refused]])).counts).toEqual({
        "requests other refused": 1,
        "hits http": 1,
        "answers refused": 1,
      });
  });

  it("a message, but not as a request that is answered", async () => {
    const messages = { type: "ws_message" as const };
    expect((await recordedOf([five], [[refused], [allowed], undefined], messages)).counts).toEqual({
      "requests five refused": 1,
      "requests five allowed": 2,
      "hits ws_message": 1,
    });
  });

  it("what shadow mode would have refused as no refusal", async () => {
    const shadow = { ...five, mode: "shadow" };
    expect(await recordedOf([shadow], [[refused]])).toEqual({
      counts: { "requests five shadow_refused": 1, "answers allowed": 1 },
      keys: ["five 22"],
      lines: ["shadow_refused five five"],
    });
  });

  it("a quota as nearly used up from 80 % on, where the request was allowed", async () => {
    const near = async (limit: string, remaining: number) =>
      (await recordedOf([{ ...five, limit }], [[decided({ remaining })]])).counts["near_limit five"];
    expect(await near("10/minute", 3)).toBeUndefined();
    expect(await near("10/minute", 2)).toBe(1);
    expect(await near("1/minute", 0)).toBe(1);
    const override = async (limit: number, remaining: number) =>
      (await recordedOf([five], [[decided({ limit, remaining })]])).counts["near_limit five"];
    expect([await override(100, 21), await override(100, 20)]).toEqual([undefined, 1]);
    // What is left of a lease says nothing of the quota.
    const leased = await recordedOf([{ ...five, lease: true }], [[decided({ remaining: 0 })]]);
    expect(leased.counts["near_limit five"]).toBeUndefined();
    expect((await recordedOf([five], [[refused]])).counts["near_limit five"]).toBeUndefined();
    const full = decided({ remaining: 0 });
    expect((await recordedOf([five, other], [[full, refused]])).counts["near_limit five"]).toBeUndefined();
  });
});

describe("a record of what the failure ladder decided", () => {
  it("says which step it was", async () => {
    expect(await recordedOf([five], [[{ kind: "open" }]])).toEqual({
      counts: { "degraded five open": 1, "requests five degraded": 1, "answers degraded": 1 },
      keys: [],
      lines: ["degraded five open"],
    });
    expect((await recordedOf([five], [[{ kind: "closed" }]])).counts).toEqual({
      "degraded five closed": 1,
      "requests five degraded": 1,
      "answers unavailable": 1,
    });
  });

  it("tells apart what this isolate allowed and refused", async () => {
    expect((await recordedOf([five], [[{ kind: "local", decision: ROOM }]])).counts).toEqual({
      "degraded five local": 1,
      "requests five degraded": 1,
      "answers degraded": 1,
    });
    const full: Outcome = { kind: "local", decision: { ...ROOM, allowed: false } };
    expect((await recordedOf([five], [[full]])).counts).toEqual({
      "degraded five local": 1,
      "requests five refused": 1,
      "hits http": 1,
      "answers refused": 1,
    });
  });

  it("is a refusal when one policy refuses and another is closed", async () => {
    expect((await recordedOf([five, other], [[{ kind: "closed" }, refused]])).counts).toMatchObject({
      "requests five degraded": 1,
      "requests other refused": 1,
      "answers refused": 1,
    });
  });
});

describe("a record of lockouts", () => {
  const locking = { ...five, lockout: "15m after 5 in 1m" };
  const lockedFor = (retryAfterMs: number) =>
    decided({ allowed: false, remaining: 0, lockedOut: true, retryAfterMs });

  it("counts the refusal with which one begins, not those during it", async () => {
    const { counts, lines } = await recordedOf(
      [locking],
      [[refused], [lockedFor(900_000)], [lockedFor(899_000)]],
    );
    expect(counts).toMatchObject({ "lockouts five": 1, "requests five refused": 3 });
    expect(lines).toContain("locked_out five");
  });

  it("does not count one that another isolate has seen begin", async () => {
    const { counts } = await recordedOf([locking], [[lockedFor(899_000)], [lockedFor(898_000)]]);
    expect(counts["lockouts five"]).toBeUndefined();
  });

  it("counts one whose quota takes longer than itself once, and again when it begins again", async () => {
    const long = Array.from({ length: 4 }, () => [lockedFor(3_600_000)]);
    expect((await recordedOf([locking], long, { stepMs: 300_000 })).counts["lockouts five"]).toBe(2);
    expect((await recordedOf([locking], long, { stepMs: 299_999 })).counts["lockouts five"]).toBe(1);
  });
});

it("names the key that was refused, where two forms of one path give a policy two keys", async () => {
  const keys: string[] = [];
  const record = createRecord({
    now: Date.now,
    log: () => {},
    metrics: { count: () => {}, refused: (_, key) => keys.push(key) },
  });
  const [charge] = await chargesOf([five], {});
  if (!charge) throw new Error("nothing is charged");
  const second = { ...charge, charge: { ...charge.charge, key: "other" } };
  record("http", [charge, second], answerOf([false, false], [allowed, refused]));
  expect(keys).toEqual(["other"]);
});

it("a record that fails is a line in the log, and nothing else", async () => {
  const lines: string[] = [];
  const record = createRecord({
    now: Date.now,
    log: (event) => lines.push(event),
    metrics: {
      count: () => {
        throw new Error("bug");
      },
      refused: () => {},
    },
  });
  expect(() => record("http", [], undefined)).not.toThrow();
  expect(lines).toEqual(["fault"]);
});
