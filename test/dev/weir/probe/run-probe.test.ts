import { describe, expect, it } from "vitest";
import { type ProbeOptions, runProbe } from "../../../../dev/weir/probe/run-probe.ts";

/** How a made-up deployment is wrong. */
interface Faults {
  /** Admits so many more than it says. */
  readonly extra?: number;
  /** Fields that it sends otherwise; null: not at all. */
  readonly fields?: Readonly<Record<string, string | null>>;
  /** The same for refusals alone. */
  readonly refusal?: Readonly<Record<string, string | null>>;
  /** Its refusals end so much later or earlier than they say, seconds. */
  readonly offSeconds?: number;
  readonly limit?: number;
  readonly body?: unknown;
}

const WINDOW_SECONDS = 20;
const START_MS = 1_800_000_000_000;

/** A deployment with one quota and a clock of its own, which stands still but for sleeping. */
function deployment({ extra = 0, fields = {}, refusal = {}, offSeconds = 0, limit = 5, body }: Faults) {
  let nowMs = START_MS;
  let admitted: number[] = [];
  const answer = (): Response => {
    admitted = admitted.filter((ms) => ms + (WINDOW_SECONDS + offSeconds) * 1_000 > nowMs);
    const isAdmitted = admitted.length < limit + extra;
    if (isAdmitted) admitted.push(nowMs);
    const left = Math.max(0, limit - admitted.length);
    const seconds = Math.ceil(((admitted[0] ?? nowMs) + WINDOW_SECONDS * 1_000 - nowMs) / 1_000);
    const problem = { status: 429, "violated-policies": ["api"], retry_after_seconds: seconds };
    const headers: Record<string, string | null> = {
      "RateLimit-Policy": `"api";q=${limit};w=${WINDOW_SECONDS}`,
      RateLimit: `"api";r=${left};t=${seconds}`,
      "X-RateLimit-Limit": `${limit}`,
      "X-RateLimit-Remaining": `${left}`,
      "X-RateLimit-Reset": `${Math.ceil(nowMs / 1_000) + WINDOW_SECONDS}`,
      "Access-Control-Expose-Headers": "RateLimit, RateLimit-Policy, Retry-After, X-RateLimit-Limit",
      ...fields,
      ...(!isAdmitted && {
        "Retry-After": `${seconds}`,
        "Cache-Control": "no-store",
        "Access-Control-Allow-Origin": "https://weir-probe.example",
        "Content-Type": "application/problem+json",
        ...refusal,
      }),
    };
    const sent = Object.entries(headers).filter((field): field is [string, string] => field[1] !== null);
    return new Response(isAdmitted ? "ok" : JSON.stringify(body ?? problem), {
      status: isAdmitted ? 200 : 429,
      headers: sent,
    });
  };
  const questions: string[] = [];
  return {
    questions,
    world: (agrees?: boolean) => ({
      fetch: async () => answer(),
      now: () => nowMs,
      wallClock: () => nowMs,
      sleep: async (ms: number) => {
        nowMs += ms;
      },
      confirm: async (question: string) => {
        questions.push(question);
        return agrees;
      },
    }),
  };
}

const OPTIONS: ProbeOptions = {
  target: { url: "https://example.com/", method: "GET", headers: [] },
  askAbove: 50,
  maxRequests: 1_000,
  maxWaitSeconds: 60,
};

/** What each check found, as `check: outcome`. */
async function outcomes(faults: Faults, options: Partial<ProbeOptions> = {}, agrees?: boolean) {
  const { findings, requests } = await runProbe({ ...OPTIONS, ...options }, deployment(faults).world(agrees));
  const of = (outcome: string) => findings.filter((one) => one.outcome === outcome).map(({ check }) => check);
  return { failed: of("failed"), skipped: of("skipped"), ok: of("ok"), requests, findings };
}

describe("a probe", () => {
  it("finds nothing wrong with a deployment that keeps its word", async () => {
    const { failed, skipped, ok, requests } = await outcomes({});
    expect({ failed, skipped }).toEqual({ failed: [], skipped: [] });
    expect(ok).toEqual([
      "RateLimit fields",
      "X-RateLimit fields",
      "CORS exposure",
      "concurrency",
      "Retry-After",
      "no-store",
      "CORS of refusals",
      "problem document",
      "Retry-After is honest",
    ]);
    expect(requests).toBe(1 + 4 + 3 + 2);
  });

  it.each<[string, Faults, string]>([
    ["a field that is malformed", { fields: { RateLimit: "limit=5, remaining=4" } }, "RateLimit fields"],
    ["a fraction", { fields: { RateLimit: `"api";r=4.5` } }, "RateLimit fields"],
    ["a state without a policy", { fields: { RateLimit: `"other";r=4` } }, "RateLimit fields"],
    ["a policy that is missing", { fields: { "RateLimit-Policy": null } }, "RateLimit fields"],
    ["another remaining", { fields: { "X-RateLimit-Remaining": "3" } }, "X-RateLimit fields"],
    ["a reset that is no epoch", { fields: { "X-RateLimit-Reset": "20" } }, "X-RateLimit fields"],
    ["one of three fields missing", { fields: { "X-RateLimit-Limit": null } }, "X-RateLimit fields"],
    [
      "fields that scripts cannot read",
      { fields: { "Access-Control-Expose-Headers": "ETag" } },
      "CORS exposure",
    ],
    ["one request too many", { extra: 1 }, "concurrency"],
    ["one request too few", { extra: -1 }, "concurrency"],
    ["a fraction in Retry-After", { refusal: { "Retry-After": "0.5" } }, "Retry-After"],
    ["no Retry-After", { refusal: { "Retry-After": null } }, "Retry-After"],
    ["a Retry-After before t", { refusal: { "Retry-After": "3" } }, "Retry-After"],
    ["refusals that may be cached", { refusal: { "Cache-Control": "max-age=60" } }, "no-store"],
    [
      "refusals that scripts cannot read",
      { refusal: { "Access-Control-Allow-Origin": null } },
      "CORS of refusals",
    ],
    ["another body", { refusal: { "Content-Type": "text/html" } }, "problem document"],
    [
      "a body that says something else",
      { body: { status: 429, "violated-policies": [], retry_after_seconds: 1 } },
      "problem document",
    ],
    ["a refusal that lasts longer", { offSeconds: 2 }, "Retry-After is honest"],
    ["a refusal that ends earlier", { offSeconds: -3 }, "Retry-After is honest"],
  ])("finds %s", async (_, faults, check) => {
    expect((await outcomes(faults)).failed).toContain(check);
  });

  it("says that there is nothing to check where nothing limits", async () => {
    const none = { "RateLimit-Policy": null, RateLimit: null, "X-RateLimit-Limit": null };
    const rest = { "X-RateLimit-Remaining": null, "X-RateLimit-Reset": null };
    const { failed, skipped, requests } = await outcomes({ fields: { ...none, ...rest } });
    expect(failed).toEqual([]);
    expect(skipped).toContain("concurrency");
    expect(requests).toBe(1);
  });

  it("sends more than 50 requests only when somebody agrees", async () => {
    expect((await outcomes({ limit: 44 })).requests).toBe(1 + 43 + 3 + 2);
    const nobody = await outcomes({ limit: 46 });
    expect(nobody).toMatchObject({ requests: 1, skipped: expect.arrayContaining(["concurrency"]) });
    expect((await outcomes({ limit: 46 }, {}, false)).requests).toBe(1);
    expect((await outcomes({ limit: 46 }, {}, true)).requests).toBe(1 + 45 + 3 + 2);
    expect((await outcomes({ limit: 46 }, { askAbove: Number.POSITIVE_INFINITY })).requests).toBe(51);
  });

  it("never sends more than it may, whoever agrees", async () => {
    expect((await outcomes({ limit: 46 }, { maxRequests: 50 }, true)).requests).toBe(1);
  });

  it("does not wait longer than it may", async () => {
    const { skipped } = await outcomes({}, { maxWaitSeconds: 19 });
    expect(skipped).toEqual(["Retry-After is honest"]);
  });
});
