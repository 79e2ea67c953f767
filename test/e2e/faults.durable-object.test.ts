import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type FaultyObjects, startFaultyObjects } from "../support/faulty-objects.ts";
import { newAddress, type Send } from "../support/gateway.ts";
import {
  expectDiscreetLog,
  expectStep,
  isCounted,
  LADDER,
  LONG_TIMEOUT,
  remainingOf,
  SHORT_TIMEOUT_MS,
  STEPS,
  untilCounted,
} from "../support/ladder.ts";
import { type Origin, startOrigin } from "../support/origin.ts";
import { type RunningWorker, startWorker } from "../support/workerd.ts";

const USER = "user-who-must-not-be-named";

/** Weir with counter objects that fail when the test says so. */
function useFaultyGateway(vars: Readonly<Record<string, unknown>>) {
  const started: { origin?: Origin; objects?: FaultyObjects; weir?: RunningWorker } = {};
  beforeAll(async () => {
    started.origin = await startOrigin();
    started.objects = await startFaultyObjects();
    started.weir = await startWorker({
      script: started.objects.script,
      vars: { ORIGIN: started.origin.url, ...vars },
    });
  });
  afterEach(() => started.objects?.clear());
  afterAll(async () => {
    await started.weir?.stop();
    await started.objects?.stop();
    await started.origin?.close();
  });
  const send: Send = (path, { from = newAddress(), ...init } = {}) =>
    fetch(started.weir?.url + path, { ...init, headers: { ...init.headers, "CF-Connecting-IP": from } });
  return {
    send,
    get objects(): FaultyObjects {
      if (!started.objects) throw new Error("only usable inside a test");
      return started.objects;
    },
    output: () => started.weir?.output() ?? "",
  };
}

// Faults of Durable Objects: those of the REST service have a file of their own.
describe("a counter object that fails", () => {
  const policies = [...LADDER, { name: "healthy", match: "/healthy", limit: "2/minute" }];
  const gateway = useFaultyGateway({ STORE_TIMEOUT: `${SHORT_TIMEOUT_MS}ms`, POLICIES: policies });
  let startMs = 0;

  beforeAll(() => {
    startMs = performance.now();
  });
  afterEach(() => untilCounted(gateway.send, "/healthy"));

  describe.each(["throw", "hang", "nonsense", "lose"] as const)("with %s", (fault) => {
    it.each(STEPS)("leads to the step %s, in time", async (step) => {
      gateway.objects.set(step, fault);
      await expectStep(gateway.send, step);
    });
  });

  describe("with overloaded", () => {
    it.each([
      ["local", "local"],
      ["open", "local"],
      ["closed", "closed"],
    ] as const)("leads from %s to the step %s, in time", async (step, as) => {
      gateway.objects.set(step, "overloaded");
      await expectStep(gateway.send, step, as);
    });
  });

  it("writes at most a line a second of each kind, with nothing that tells who called", async () => {
    for (const step of STEPS) gateway.objects.set(step, "throw");
    for (let i = 0; i < 4; i++) await gateway.send("/local", { headers: { "X-User-Id": USER } });
    expectDiscreetLog(gateway.output(), performance.now() - startMs, [USER, "198.18."]);
  });
});

describe("counter objects of which some fail", () => {
  const policies = [
    { name: "healthy", match: "/healthy", limit: "1000/minute" },
    { name: "open", match: "/open", limit: "2/minute", on_store_error: "open" },
    { name: "five", match: "/five", limit: "5/minute", on_store_error: "local" },
    {
      name: "user",
      match: ["/closed", "/both"],
      key: "header:x-user-id",
      limit: "1/minute",
      on_store_error: "closed",
    },
    {
      name: "address",
      match: ["/closed", "/both", "/address"],
      limit: "9/hour",
      algorithm: "fixed-window",
      on_store_error: "local",
    },
  ];
  const gateway = useFaultyGateway({ STORE_TIMEOUT: LONG_TIMEOUT, POLICIES: policies });
  const { send } = gateway;
  afterEach(() => untilCounted(send, "/healthy"));

  it("do not let the flood of one key switch limiting off for it, nor for others", async () => {
    gateway.objects.set("open", "overloaded");
    const from = newAddress();
    const flood = await Promise.all(Array.from({ length: 50 }, () => send("/open", { from })));
    expect(flood.filter(({ status }) => status === 200)).toHaveLength(2);
    // Many such floods are no reason to leave the objects alone.
    for (let i = 0; i < 10; i++) await send("/open");
    const others = await Promise.all(Array.from({ length: 10 }, () => send("/healthy")));
    expect(others.map(remainingOf)).toEqual(Array(10).fill(999));
  });

  it("leave all others asked as long as two keys fail, however often", async () => {
    gateway.objects.set("open", "throw");
    for (const from of [newAddress(), newAddress()])
      for (let i = 0; i < 10; i++) expect((await send("/open", { from })).status).toBe(200);
    expect(remainingOf(await send("/healthy"))).toBe(999);
  });

  it("are left alone when those of three keys fail, and asked again once they are back", async () => {
    gateway.objects.set("open", "throw");
    for (let i = 0; i < 5; i++) await send("/open");
    const before = gateway.objects.takes;
    const answers = await Promise.all(Array.from({ length: 10 }, () => send("/healthy")));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
    expect(answers.filter(isCounted)).toHaveLength(gateway.objects.takes - before);
    expect(gateway.objects.takes - before).toBeLessThanOrEqual(1);
    gateway.objects.clear();
    await untilCounted(send, "/healthy");
    for (let i = 0; i < 3; i++) expect(isCounted(await send("/healthy"))).toBe(true);
  });

  it("count once what was counted though the answer was lost", async () => {
    const from = newAddress();
    expect(remainingOf(await send("/five", { from }))).toBe(4);
    gateway.objects.set("five", "lose");
    expect(isCounted(await send("/five", { from }))).toBe(false);
    gateway.objects.clear();
    expect(remainingOf(await send("/five", { from }))).toBe(2);
  });

  it("give back what another admitted of a request that one refuses for its failure", async () => {
    const from = newAddress();
    gateway.objects.set("user", "throw");
    for (let i = 0; i < 12; i++) {
      const refused = await send("/closed", { from, headers: { "X-User-Id": `${from}-${i}` } });
      expect(refused.status).toBe(503);
    }
    gateway.objects.clear();
    expect(remainingOf(await send("/address", { from }))).toBe(8);
  });

  it("lose nothing of their count when a local admission in their place is given back", async () => {
    const from = newAddress();
    const user = { from, headers: { "X-User-Id": `${from}-user` } };
    expect((await send("/both", user)).status).toBe(200);
    gateway.objects.set("address", "throw");
    expect((await send("/both", user)).status).toBe(429);
    gateway.objects.clear();
    expect(remainingOf(await send("/address", { from }))).toBe(7);
  });
});

describe("a counter object that hangs until the time is up", () => {
  const match = ["/both", "/address"];
  const gateway = useFaultyGateway({
    STORE_TIMEOUT: "1500ms",
    POLICIES: [
      { name: "user", match: "/both", key: "header:x-user-id", limit: "1/minute", on_store_error: "closed" },
      { name: "address", match, limit: "9/minute" },
    ],
  });

  it("leaves no charge behind in the others", async () => {
    const from = newAddress();
    gateway.objects.set("user", "hang");
    const refused = await gateway.send("/both", { from, headers: { "X-User-Id": "u" } });
    expect(refused.status).toBe(503);
    expect(remainingOf(await gateway.send("/address", { from }))).toBe(8);
  });
});
