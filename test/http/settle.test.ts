import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Provisional } from "../../src/http/outcomes.ts";
import { createSettle } from "../../src/http/settle.ts";
import type { Settlement } from "../../src/limit/settle.ts";
import { createDeadline } from "../../src/store/deadline.ts";
import type { Store } from "../../src/store/store.ts";
import { chargesOf } from "../key/fixtures.ts";

const LIMIT = "1000/minute";
const TOTAL = "response-json:/usage/total";
const FIELD = "response-header:X-Cost";
const usage = (total: unknown, rest: object = {}): string => JSON.stringify({ usage: { total, ...rest } });

type Fields = Readonly<Record<string, unknown>>;

/** One admission for each policy, and quota, as it stands before the response. */
async function admissions(...policies: readonly Fields[]): Promise<Provisional[]> {
  const named = policies.map((fields, i) => ({ name: `policy-${i}`, limit: LIMIT, ...fields }));
  const charges = await chargesOf(named, {});
  return charges.map(({ policy, charge }) => ({ policy, receipt: { charge, epoch: 0, timeMs: 1 } }));
}

/** Settles with a store that keeps what it is told, and then does what `settle` does. */
function recording(settle: () => ReturnType<Store["settle"]> = async () => []) {
  const calls: (readonly Settlement[])[] = [];
  const work: Promise<unknown>[] = [];
  const events: string[] = [];
  let openDeadlines = 0;
  const store: Store = {
    take: () => Promise.reject(new Error("nothing is taken here")),
    settle(settlements) {
      calls.push(settlements);
      return settle();
    },
  };
  const newDeadline = () => {
    openDeadlines += 1;
    const deadline = createDeadline(1_000);
    const clear = () => {
      openDeadlines -= 1;
      deadline.clear();
    };
    return { ...deadline, clear };
  };
  const parts = {
    store,
    newDeadline,
    waitUntil: (promise: Promise<unknown>) => work.push(promise),
    log: (event: string) => events.push(event),
  };
  return {
    settle: createSettle(parts),
    calls,
    events,
    /** What was presented, as the position of the admission and its cost. */
    presented: (admitted: readonly Provisional[]) =>
      calls.map((call) =>
        call.map(({ receipt, cost }) => [admitted.findIndex((one) => one.receipt === receipt), cost]),
      ),
    /** All that goes on after the response is done, with what it begins. */
    async over() {
      for (let i = 0; i < work.length; i++) await work[i];
      return openDeadlines;
    },
  };
}

const respond = (body: BodyInit | null, headers: Record<string, string> = {}, status = 200) =>
  new Response(body, { status, headers: { "Content-Type": "application/json", ...headers } });

/** A body that a test sends piece by piece. */
function openBody() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  return {
    readable,
    send: (text: string) => writer.write(new TextEncoder().encode(text)),
    end: () => writer.close(),
    breakOff: () => writer.abort(new Error("gone")),
  };
}

describe("a settlement", () => {
  it("gives back what the status does not count, once", async () => {
    const store = recording();
    const admitted = await admissions({ count: "401" });
    const response = respond("in", {}, 200);
    expect(store.settle(admitted, response)).toBe(response);
    await response.text();
    expect(await store.over()).toBe(0);
    expect(store.presented(admitted)).toEqual([[[0, 0]]]);
  });

  it.each([
    ["a status that counts", { count: "401, 5xx" }, respond("out", {}, 503)],
    ["every status", { cost: FIELD, count: "all" }, respond("", { "X-Cost": "1" })],
    ["the cost that was reserved", { cost: FIELD, estimate: 500 }, respond("", { "X-Cost": "499.5" })],
    ["no cost in a field", { cost: FIELD }, respond("")],
    ["a senseless cost in a field", { cost: FIELD }, respond("", { "X-Cost": "-3" })],
    ["no cost in the body", { cost: TOTAL }, respond(usage(null))],
    ["a senseless cost in the body", { cost: TOTAL }, respond(usage("-3"))],
    ["a cost in the body as reserved", { cost: TOTAL, estimate: 500 }, respond(usage(500))],
    ["no body", { cost: TOTAL }, respond(null, {}, 204)],
    ["another type", { cost: TOTAL }, respond(usage(3), { "Content-Type": "text/html" })],
  ])("is not made for %s", async (_, policy, response) => {
    const store = recording();
    await store.settle(await admissions(policy), response).text();
    expect(await store.over()).toBe(0);
    expect(store.calls).toEqual([]);
  });

  it("is one call for all that is known at once: refunds and fields", async () => {
    const store = recording();
    const admitted = await admissions(
      { count: "401" },
      { cost: FIELD, estimate: 10 },
      { count: "200", cost: FIELD, estimate: 7 },
      { count: "2xx" },
      { count: "5xx", limit: "5/minute, 10/hour" },
    );
    store.settle(admitted, respond("", { "X-Cost": "7" }));
    expect(await store.over()).toBe(0);
    expect(store.presented(admitted)).toEqual([
      [
        [0, 0],
        [1, 7],
        [4, 0],
        [5, 0],
      ],
    ]);
  });

  it("of a cost in the body is made when the body has ended, once", async () => {
    const store = recording();
    const admitted = await admissions({ cost: TOTAL, estimate: 500 });
    const body = openBody();
    const reader = store.settle(admitted, respond(body.readable)).body?.getReader();
    const sending = body.send(usage(120)).then(() => body.end());
    await reader?.read();
    await new Promise((soon) => setTimeout(soon, 5));
    expect(store.calls).toEqual([]);
    expect((await reader?.read())?.done).toBe(true);
    await sending;
    expect(await store.over()).toBe(0);
    expect(store.presented(admitted)).toEqual([[[0, 120]]]);
    await reader?.cancel();
    expect(store.calls).toHaveLength(1);
  });

  it.each(["client leaves", "origin breaks off"])(
    "is of what was seen, and no less than what was reserved, when the %s in the middle",
    async (who) => {
      const store = recording();
      const admitted = await admissions({ cost: TOTAL, estimate: 500 });
      for (const said of [`data: ${usage(700)}\n\n`, `data: ${usage(120)}\n\n`, "data: {}\n\n"]) {
        const body = openBody();
        const events = respond(body.readable, { "Content-Type": "text/event-stream" });
        const reader = store.settle(admitted, events).body?.getReader();
        void body.send(said);
        await reader?.read();
        if (who === "client leaves") await reader?.cancel();
        else await body.breakOff().then(() => expect(reader?.read()).rejects.toThrow());
      }
      expect(await store.over()).toBe(0);
      expect(store.presented(admitted)).toEqual([[[0, 700]]]);
    },
  );

  it("of several quotas of one policy is one call", async () => {
    const store = recording();
    const admitted = await admissions({ cost: TOTAL, estimate: 5, limit: "1000/minute, 5000/hour" });
    await store.settle(admitted, respond(usage(120))).text();
    expect(await store.over()).toBe(0);
    expect(store.presented(admitted)).toEqual([
      [
        [0, 120],
        [1, 120],
      ],
    ]);
  });

  it("never costs more than a thousand times what a quota can hold", async () => {
    const store = recording();
    const admitted = await admissions(
      { cost: FIELD, limit: "10/minute" },
      { cost: TOTAL, limit: "10/minute" },
    );
    await store.settle(admitted, respond('{"usage":{"total":1e300}}', { "X-Cost": "99999999999" })).text();
    await store.over();
    expect(store.presented(admitted)).toEqual([[[0, 10_000]], [[1, 10_000]]]);
  });

  it("is a refund where the status does not count, whatever the cost says", async () => {
    const store = recording();
    const admitted = await admissions(
      { count: "401", cost: TOTAL, estimate: 500 },
      { count: "401", cost: FIELD, estimate: 500 },
    );
    const response = respond(usage(120), { "X-Cost": "120" });
    const answer = store.settle(admitted, response);
    // Its body is not even looked at.
    expect(answer).toBe(response);
    expect(await answer.text()).toBe(usage(120));
    expect(await store.over()).toBe(0);
    expect(store.presented(admitted)).toEqual([
      [
        [0, 0],
        [1, 0],
      ],
    ]);
  });

  it("is made for each of two pointers into one body, which stays intact", async () => {
    const store = recording();
    const admitted = await admissions(
      { cost: TOTAL, estimate: 500 },
      { cost: "response-json:/usage/output", estimate: 50 },
      { cost: "response-json:/usage/missing" },
      { cost: TOTAL, limit: "1000/minute, 5000/hour" },
    );
    const body = usage(120, { output: 20 });
    const answer = store.settle(admitted, respond(body, { "X-Own": "origin" }, 201));
    expect([answer.status, answer.headers.get("x-own"), await answer.text()]).toEqual([201, "origin", body]);
    expect(await store.over()).toBe(0);
    expect(store.presented(admitted).flat().toSorted()).toEqual([
      [0, 120],
      [1, 20],
      [3, 120],
      [4, 120],
    ]);
  });

  it("presents each receipt once at most, with the cost that the response shows", async () => {
    const statuses = fc.constantFrom<string | undefined>(undefined, "all", "200", "4xx", "200, 4xx");
    const costs = fc.constantFrom(1, TOTAL, FIELD);
    const policies = fc.array(
      fc.record({ count: statuses, cost: costs, estimate: fc.integer({ min: 1, max: 9 }) }),
      {
        minLength: 1,
        maxLength: 5,
      },
    );
    const numbers = fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined });
    const responses = fc.record({ status: fc.constantFrom(200, 401), field: numbers, total: numbers });
    await fc.assert(
      fc.asyncProperty(policies, responses, async (given, { status, field, total }) => {
        const named = given.map(({ count, cost, estimate }) => ({
          cost,
          ...(count !== undefined && { count }),
          ...(cost !== 1 && { estimate }),
        }));
        const admitted = await admissions(...named);
        const store = recording();
        const headers = field === undefined ? {} : { "X-Cost": String(field) };
        const answer = store.settle(admitted, respond(usage(total), headers, status));
        expect([answer.status, await answer.text()]).toEqual([status, usage(total)]);
        expect(await store.over()).toBe(0);

        const expected = named.flatMap(({ count = "all", cost, estimate = 1 }, i) => {
          const isCounted =
            count === "all" || count.includes(`${status}`) || (status === 401 && count.includes("4xx"));
          const stated = cost === 1 ? undefined : cost === FIELD ? field : total;
          const settled = isCounted ? stated : 0;
          return settled === undefined || settled === estimate ? [] : [[i, settled]];
        });
        expect(store.presented(admitted).flat().toSorted()).toEqual(expected.toSorted());
      }),
    );
  });
});

describe("a response", () => {
  const failing = () => Promise.reject(new Error("down"));
  const hanging = () => new Promise<never>(() => {});

  it.each([
    ["rejects", failing, ["fault", "fault"]],
    ["never resolves", hanging, []],
  ])("is neither changed nor held up when the store %s", async (_, settle, events) => {
    const store = recording(settle);
    const admitted = await admissions({ count: "401" }, { cost: TOTAL });
    const body = openBody();
    const answer = store.settle(admitted, respond(body.readable, { "X-Own": "origin" }));
    const sending = body.send(usage(120)).then(() => body.end());
    expect([answer.status, answer.headers.get("x-own"), await answer.text()]).toEqual([
      200,
      "origin",
      usage(120),
    ]);
    await sending;
    await expect.poll(() => store.presented(admitted)).toEqual([[[0, 0]], [[1, 120]]]);
    await expect.poll(() => store.events).toEqual(events);
  });

  it("goes on by itself when nothing about it is provisional", () => {
    const store = recording();
    const response = respond(usage(120));
    expect(store.settle([], response)).toBe(response);
    expect(store.calls).toEqual([]);
  });

  it("is not looked into for its cost faster than it is read", async () => {
    const store = recording();
    const admitted = await admissions({ cost: TOTAL });
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled += 1;
          controller.enqueue(new TextEncoder().encode(" "));
        },
      },
      { highWaterMark: 0 },
    );
    const reader = store.settle(admitted, respond(body)).body?.getReader();
    expect(pulled).toBe(0);
    await reader?.read();
    await reader?.read();
    expect(pulled).toBe(2);
    await reader?.cancel();
    expect(await store.over()).toBe(0);
    expect(store.calls).toEqual([]);
  });
});
