import { afterAll, beforeAll, expect, it } from "vitest";
import { untilMetrics } from "../support/metrics-reader.ts";
import { type Origin, startOrigin } from "../support/origin.ts";
import { type RunningWorker, startWorker } from "../support/workerd.ts";

/** So many keys has each request; an isolate's memory holds 10,000. */
const KEYS = 50;
const REQUESTS = 10_000 / KEYS;

const started: { origin?: Origin; weir?: RunningWorker } = {};
beforeAll(async () => {
  started.origin = await startOrigin();
  const POLICIES = Array.from({ length: KEYS }, (_, i) => ({
    name: `p${i}`,
    key: `header:x-user + query:q${i}`,
    limit: "1000/hour",
  }));
  started.weir = await startWorker({ vars: { STORE: "local", ORIGIN: started.origin.url, POLICIES } });
});
afterAll(async () => {
  await started.weir?.stop();
  await started.origin?.close();
});

it("callers that an isolate's full memory counts together are a metric and a line in the log", async () => {
  const { weir } = started;
  if (!weir) throw new Error("only usable inside a test");
  const send = async (user: number) => {
    const { status } = await fetch(weir.url, { headers: { "X-User": `user${user}` } });
    expect(status).toBe(200);
  };
  for (let user = 0; user < REQUESTS; user++) await send(user);
  expect(weir.output()).not.toContain("local_store_full");
  await send(REQUESTS);
  const { counts } = await untilMetrics(weir, (metrics) => metrics.counts.local_overflow === KEYS);
  expect(counts.local_overflow).toBe(KEYS);
  expect(weir.output()).toContain('"event":"local_store_full"');
});
