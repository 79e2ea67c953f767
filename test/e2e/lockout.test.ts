import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { numbers } from "../support/fields.ts";
import { newAddress, useGateway } from "../support/gateway.ts";
import { LONG_TIMEOUT } from "../support/ladder.ts";
import { type RunningRedis, startLocalRedis, testedStore } from "../support/local-store.ts";
import { type RunningWorker, startWorker } from "../support/workerd.ts";

const QUOTA = "quota-exceeded";
const LOCKED = "abnormal-usage-detected";
const LOCKOUT = "3s after 3 in 10s";
const LOCKOUT_MS = 3_000;
/** Stores count whole milliseconds. */
const ROUNDING_MS = 2;
/** What a busy machine may add to any wait. */
const SLACK_MS = 1_500;

interface Answer {
  readonly status: number;
  /** The type of a refusal, without what all have in common. */
  readonly type: string | undefined;
  readonly retryAfter: number | undefined;
  readonly remaining: number | undefined;
  readonly body: Readonly<Record<string, unknown>>;
  /** It was decided between these. */
  readonly sentMs: number;
  readonly readMs: number;
}

async function read(answering: Promise<Response>): Promise<Answer> {
  const sentMs = performance.now();
  const response = await answering;
  const { status } = response;
  const text = await response.text();
  const body = status === 200 ? {} : (JSON.parse(text) as Record<string, unknown>);
  const type = status === 429 ? String(body.type).split("#")[1] : undefined;
  return { status, type, ...numbers(response), body, sentMs, readMs: performance.now() };
}

/** Whether a refusal during a lockout speaks of the end of that which `trip` began: no earlier, and within the second. */
function expectEnd({ sentMs, readMs, retryAfter = 0 }: Answer, trip: Answer): void {
  const toldMs = retryAfter * 1_000;
  expect(readMs + toldMs).toBeGreaterThanOrEqual(trip.sentMs + LOCKOUT_MS - ROUNDING_MS);
  expect(sentMs + toldMs).toBeLessThan(trip.readMs + LOCKOUT_MS + 1_000 + ROUNDING_MS);
}

const typesOf = (answers: readonly Answer[]) => answers.map(({ status, type }) => type ?? status);

describe("a lockout", () => {
  const USER = "header:x-user";
  const { send, ...gateway } = withOutput({
    STORE_TIMEOUT: LONG_TIMEOUT,
    POLICIES: [
      { name: "two", match: "/two", key: USER, limit: "2/2s", lockout: LOCKOUT },
      { name: "one", match: "/one", key: USER, limit: "1/2s", lockout: LOCKOUT },
      {
        name: "weighed",
        match: "/weighed",
        key: USER,
        limit: "1000/2s",
        cost: "header:x-cost",
        lockout: LOCKOUT,
      },
      { name: "other", match: "/other", key: USER, limit: "20/minute" },
      { name: "locks", match: "/both", key: USER, limit: "1/minute", lockout: "1m after 2 in 1m" },
      { name: "counts", match: ["/both", "/counts"], key: USER, limit: "20/minute" },
      { name: "rare", match: "/rare", key: USER, limit: "1/minute", lockout: "1m after 2 in 2s" },
      {
        name: "bucket",
        match: "/bucket",
        key: USER,
        limit: "1/day",
        algorithm: "token-bucket",
        lockout: LOCKOUT,
      },
      {
        name: "fixed",
        match: "/fixed",
        key: USER,
        limit: "1 per 9999 days",
        algorithm: "fixed-window",
        lockout: LOCKOUT,
      },
      { name: "shadow", match: "/shadow", key: USER, limit: "1/minute", lockout: LOCKOUT, mode: "shadow" },
    ],
  });

  const newUser = () => `user-${newAddress()}`;
  const ask = async (path: string, user: string) => read(send(path, { headers: { "X-User": user } }));

  async function askOften(times: number, path: string, user: string): Promise<Answer[]> {
    const answers = [];
    for (let i = 0; i < times; i++) answers.push(await ask(path, user));
    return answers;
  }

  it("begins with the refusal that is one too many, which says so", async () => {
    const answers = await askOften(6, "/two", newUser());
    expect(typesOf(answers)).toEqual([200, 200, QUOTA, QUOTA, LOCKED, LOCKED]);
    expect(answers.map(({ retryAfter }) => retryAfter)).toEqual([undefined, undefined, 2, 2, 3, 3]);
    expect(answers[4]).toMatchObject({
      status: 429,
      remaining: 0,
      body: {
        type: "https://iana.org/assignments/http-problem-types#abnormal-usage-detected",
        title: "Abnormal usage detected",
        status: 429,
        detail: "Too many requests above the limit of 2 requests per 2 seconds; try again in 3 seconds.",
        "violated-policies": ["two"],
        retry_after_seconds: 3,
      },
    });
  });

  it("ends when it said, whoever goes on asking, and then the key has what its quota gives", async () => {
    const user = newUser();
    // A lower cost is not known to be refused, so it is the store that refuses it.
    let cost = 1_000;
    const next = () => read(send("/weighed", { headers: { "X-User": user, "X-Cost": String(cost--) } }));
    const answers = [await next(), await next(), await next(), await next()];
    expect(typesOf(answers)).toEqual([200, QUOTA, QUOTA, LOCKED]);
    const trip = answers.at(-1) as Answer;
    const during: Answer[] = [];
    let last = await next();
    while (last.status !== 200) {
      during.push(last);
      expect(last.readMs - trip.readMs).toBeLessThan(LOCKOUT_MS + SLACK_MS);
      await sleep(30);
      last = await next();
    }
    expect(during.length).toBeGreaterThan(20);
    expect(during.filter(({ type }) => type !== LOCKED)).toEqual([]);
    for (const one of during) expectEnd(one, trip);
    expect(last.readMs - trip.sentMs).toBeGreaterThan(LOCKOUT_MS - ROUNDING_MS);
    expect(last.remaining).toBe(1_000 - (cost + 1));
  });

  it("is followed by a count of refusals that begins afresh", async () => {
    const user = newUser();
    expect(typesOf(await askOften(4, "/one", user))).toEqual([200, QUOTA, QUOTA, LOCKED]);
    await expect.poll(async () => (await ask("/one", user)).status, { timeout: 5_000 }).toBe(200);
    expect(typesOf(await askOften(3, "/one", user))).toEqual([QUOTA, QUOTA, LOCKED]);
  });

  it("is the key's alone, and the policy's", async () => {
    const [user, neighbour] = [newUser(), newUser()];
    await askOften(5, "/two", user);
    expect((await ask("/two", user)).type).toBe(LOCKED);
    expect(await ask("/two", neighbour)).toMatchObject({ status: 200, remaining: 1 });
    expect(await ask("/one", user)).toMatchObject({ status: 200, remaining: 0 });
    expect(await ask("/other", user)).toMatchObject({ status: 200, remaining: 19 });
  });

  it("costs nothing under the other policies of a request", async () => {
    const user = newUser();
    const answers = await askOften(5, "/both", user);
    expect(typesOf(answers)).toEqual([200, QUOTA, LOCKED, LOCKED, LOCKED]);
    expect(answers.at(-1)?.body).toMatchObject({ "violated-policies": ["locks"] });
    expect(await ask("/counts", user)).toMatchObject({ status: 200, remaining: 18 });
  });

  it("does not begin when the refusals are too far apart", async () => {
    const user = newUser();
    expect(typesOf(await askOften(2, "/rare", user))).toEqual([200, QUOTA]);
    await sleep(2_100);
    expect(typesOf(await askOften(2, "/rare", user))).toEqual([QUOTA, LOCKED]);
  });

  it.each(["/bucket", "/fixed"])("works with another algorithm: %s", async (path) => {
    const answers = await askOften(5, path, newUser());
    expect(typesOf(answers)).toEqual([200, QUOTA, QUOTA, LOCKED, LOCKED]);
  });

  it("is begun once by requests at the same time", async () => {
    const user = newUser();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask("/one", user)));
    const times = (wanted: string | number) => typesOf(answers).filter((type) => type === wanted).length;
    expect([times(200), times(QUOTA), times(LOCKED)]).toEqual([1, 2, 17]);
    const locked = answers.filter(({ type }) => type === LOCKED);
    const sentMs = Math.min(...locked.map((one) => one.sentMs));
    const readMs = Math.min(...locked.map((one) => one.readMs));
    for (const one of locked) expectEnd(one, { ...one, sentMs, readMs });
    await expect
      .poll(async () => (await ask("/one", user)).status, { timeout: 5_000, interval: 20 })
      .toBe(200);
    expect(performance.now() - readMs).toBeLessThan(LOCKOUT_MS + SLACK_MS);
  });

  it("never refuses in shadow mode, but says what it would have refused", async () => {
    const answers = await askOften(8, "/shadow", newUser());
    expect(typesOf(answers)).toEqual(Array(8).fill(200));
    expect(gateway.output()).toContain('"event":"shadow_refused","policy":"shadow"');
  });
});

// What one Worker knows by itself goes when it ends: a Redis is shared, and objects are on the disk.
describe("a lockout outlives the Worker that began it", () => {
  let redis: RunningRedis | undefined;
  let storage = "";
  let running: RunningWorker | undefined;
  const USER = { key: "header:x-user" };
  const POLICIES = [
    { ...USER, name: "locked", match: "/locked", limit: "1/2s", lockout: "3s after 2 in 10s" },
    { ...USER, name: "counted", match: "/counted", limit: "1/minute", lockout: "1m after 3 in 1m" },
  ];

  beforeEach(async () => {
    storage = await mkdtemp(join(tmpdir(), "weir-lockout-"));
    if (testedStore === "upstash") redis = await startLocalRedis();
  });
  afterEach(async () => {
    await running?.stop();
    await redis?.stop();
    await rm(storage, { recursive: true });
  });

  async function startNext(): Promise<(path: string) => Promise<Answer>> {
    await running?.stop();
    // Nothing listens there: who gets through gets a 502.
    const vars = { ORIGIN: "http://127.0.0.1:9", STORE_TIMEOUT: LONG_TIMEOUT, ...redis?.vars, POLICIES };
    running = await startWorker({ vars, storage });
    const { url } = running;
    return async (path) => read(fetch(url + path, { headers: { "X-User": "somebody" } }));
  }

  it("to its end", async () => {
    const first = await startNext();
    const before = [await first("/locked"), await first("/locked"), await first("/locked")];
    expect(typesOf(before)).toEqual([502, QUOTA, LOCKED]);
    const next = await startNext();
    const trip = before.at(-1) as Answer;
    const still = await next("/locked");
    expect(still.type).toBe(LOCKED);
    expectEnd(still, trip);
    await expect.poll(async () => (await next("/locked")).status, { timeout: 5_000 }).toBe(502);
    expect(performance.now() - trip.readMs).toBeLessThan(LOCKOUT_MS + SLACK_MS);
  });

  it("and so do the refusals that lead to it", async () => {
    const first = await startNext();
    const before = [await first("/counted"), await first("/counted"), await first("/counted")];
    expect(typesOf(before)).toEqual([502, QUOTA, QUOTA]);
    const next = await startNext();
    expect(await next("/counted")).toMatchObject({ type: LOCKED, retryAfter: 60 });
  });
});

function withOutput(vars: Parameters<typeof useGateway>[0]) {
  const whole = useGateway(vars);
  return { send: whole.send, output: () => whole.weir.output() };
}
