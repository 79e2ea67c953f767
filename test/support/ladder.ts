import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { members } from "./fields.ts";
import { newAddress, type Send } from "./gateway.ts";

export const STEPS = ["local", "open", "closed"] as const;
export type Step = (typeof STEPS)[number];

/** The longest that Weir waits for its store in these tests, where that matters. */
export const SHORT_TIMEOUT_MS = 300;
/** Longer than any store takes that answers at all, however busy the machine is. */
export const LONG_TIMEOUT = "10s";
/** What a busy machine may add to any wait. */
const SLACK_MS = 3_000;
/** The longest until a store that is back is asked again. */
const HALF_OPEN_WITHIN_MS = 5_000;

/** One policy for each step, named like it and matching its path. */
export const LADDER = STEPS.map((step) => ({
  name: step,
  match: `/${step}`,
  limit: "2/minute",
  on_store_error: step,
}));

/** What three requests of one caller are answered while the store is away. */
export const STATUSES: Readonly<Record<Step, readonly number[]>> = {
  local: [200, 200, 429],
  open: [200, 200, 200],
  closed: [503, 503, 503],
};

/** Sends three requests while the store fails: each is answered in time, as `as` says, without the store's numbers. */
export async function expectStep(send: Send, step: Step, as: Step = step): Promise<void> {
  const from = newAddress();
  const found = [];
  for (let i = 0; i < 3; i++) {
    const startMs = performance.now();
    const answer = await send(`/${step}`, { from });
    expect(performance.now() - startMs).toBeLessThan(SHORT_TIMEOUT_MS + SLACK_MS);
    found.push(answer.status);
    expect(members(answer, "RateLimit-Policy")).toEqual([[step, { q: 2, w: 60 }]]);
    expect(isCounted(answer)).toBe(false);
    expect(answer.headers.has("x-ratelimit-remaining")).toBe(false);
    const body = await answer.text();
    if (answer.status === 200) expect([body, answer.headers.has("retry-after")]).toEqual(["ok", false]);
    if (answer.status === 503) expectUnavailable(answer, body);
  }
  expect(found).toEqual(STATUSES[as]);
}

function expectUnavailable({ headers }: Response, body: string): void {
  expect([headers.get("retry-after"), headers.get("cache-control")]).toEqual(["1", "no-store"]);
  expect(headers.get("content-type")).toBe("application/problem+json");
  expect(JSON.parse(body)).toMatchObject({
    type: "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
    status: 503,
    retry_after_seconds: 1,
  });
}

/** Whether the store itself decided this request. */
export const isCounted = ({ headers }: Response): boolean => headers.has("ratelimit");

/** What remains of the only quota; undefined when the store did not decide. */
export const remainingOf = (answer: Response): unknown => members(answer, "RateLimit")[0]?.[1].r;

/** Sends requests of new callers until the store decides one; fails when it is not asked again in time. */
export async function untilCounted(send: Send, path: string): Promise<void> {
  const startMs = performance.now();
  while (!isCounted(await send(path))) {
    expect(performance.now() - startMs).toBeLessThan(HALF_OPEN_WITHIN_MS + SLACK_MS);
    await sleep(50);
  }
}

/** Every line is a JSON object of Weir's, not more than one a second for each event, with nothing that is secret. */
export function expectDiscreetLog(output: string, elapsedMs: number, secrets: readonly string[]): void {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const events = lines.map((line) => JSON.parse(line) as { source: string; event: string });
  expect(events.filter(({ source }) => source !== "weir")).toEqual([]);
  expect(events.map(({ event }) => event)).toContain("store_error");
  expect(events.map(({ event }) => event)).toContain("degraded");
  for (const own of Map.groupBy(events, ({ event }) => event).values())
    expect(own.length).toBeLessThanOrEqual(elapsedMs / 1_000 + 1);
  expect(secrets.filter((secret) => output.includes(secret))).toEqual([]);
}
