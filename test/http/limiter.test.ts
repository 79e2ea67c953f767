import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/parse-config.ts";
import { createDecide, type DecideParts } from "../../src/http/decide.ts";
import { createLimiter, type LimiterParts } from "../../src/http/limiter.ts";
import { createRecord } from "../../src/http/record.ts";
import TEMPLATE from "../../src/http/refusal-page.html?raw";
import { createRefusalPage } from "../../src/http/refusal-page.ts";
import { createSettle } from "../../src/http/settle.ts";
import { trieRouter } from "../../src/http/trie-router.ts";
import { createCharges } from "../../src/key/charges.ts";
import { createDigest } from "../../src/key/digest.ts";
import { createMatcher } from "../../src/policy/match.ts";
import { createBreaker } from "../../src/store/breaker.ts";
import { createDeadline } from "../../src/store/deadline.ts";
import { withGuard } from "../../src/store/guard.ts";
import { createKnownRefusals } from "../../src/store/known-refusals.ts";
import { createLadder } from "../../src/store/ladder.ts";
import { createLocalStore } from "../../src/store/local.ts";
import type { Store } from "../../src/store/store.ts";

type Parts = Partial<Omit<DecideParts, "config"> & Omit<LimiterParts, "config" | "decide" | "settle">>;

/** The limiter with a local store and an origin that answers 200, unless a part is replaced. */
function limiter(env: Record<string, unknown>, parts: Parts = {}) {
  const parsed = parseConfig(env);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const { config } = parsed;
  const events: string[] = [];
  const takes: number[] = [];
  const local = createLocalStore(() => 1_800_000_000_000);
  const store: Store = {
    ...local,
    take: (charges, deadline) => {
      takes.push(charges.length);
      return local.take(charges, deadline);
    },
  };
  const newDeadline = () => createDeadline(1_000);
  const log = (event: string) => events.push(event);
  const counts: string[] = [];
  const count = (series: string) => counts.push(series);
  const all = {
    config,
    matcher: createMatcher(config.policies, config.exempt, trieRouter),
    chargeRequest: createCharges(createDigest(undefined)),
    store,
    knownRefusal: () => undefined,
    ladder: createLadder(
      local,
      createKnownRefusals(() => 1_800_000_000_000),
    ),
    slots: { expectedWaitMs: () => 1_000 },
    newDeadline,
    own: async () => new Response("Weir's own"),
    attend: (_: unknown, __: unknown, forward: () => Promise<Response>) => forward(),
    verifyToken: async () => undefined,
    forward: async () => new Response("from the origin", { headers: { "X-Own": "origin" } }),
    log,
    refusalPage: createRefusalPage(TEMPLATE),
    record: createRecord({ metrics: { count, refused: () => {} }, log, now: () => 1_800_000_000_000 }),
    count,
    ...parts,
  };
  const settle = createSettle({ ...all, waitUntil: () => {} });
  const handle = createLimiter({ ...all, decide: createDecide(all), settle });
  const send = (path = "/", init: RequestInit = {}) =>
    handle(new Request(`https://site.example${path}`, init));
  return { send, events, takes, counts };
}

const policy = { name: "one", limit: "1/minute" };
const one = { POLICIES: [policy] };

/** Parts of the limiter with a fault in them. */
const brokenStore: Store = { take: () => Promise.reject(new Error("bug")), settle: async () => [] };

const FAULTS = {
  keying: { chargeRequest: () => () => Promise.reject(new Error("bug")) },
  matching: {
    matcher: {
      match: () => {
        throw new Error("bug");
      },
      isExempt: () => false,
    },
  },
} satisfies Record<string, Parts>;

/** The failure ladder, in front of a store that never answers well. */
function away(): Store {
  const now = () => 1_800_000_000_000;
  return withGuard({ take: () => Promise.reject(new Error("down")), settle: async () => [] }, "part", {
    breaker: createBreaker(now, 1),
    ladder: createLadder(createLocalStore(now), createKnownRefusals(now)),
    report: () => {},
  });
}

describe("the limiter", () => {
  it.each(["no policy matches", "the mode is off"])("does not call the store when %s", async (reason) => {
    const env = reason === "the mode is off" ? { ...one, MODE: "off" } : { POLICIES: [] };
    const { send, takes } = limiter(env);
    for (let i = 0; i < 3; i++) expect((await send()).status).toBe(200);
    expect(takes).toEqual([]);
  });

  it("asks the store once for all policies", async () => {
    const policies = ["a", "b", "c"].map((name) => ({
      name,
      limit: "5/minute, 60/hour",
      key: `header:${name}`,
    }));
    const { send, takes } = limiter({ POLICIES: policies });
    await send();
    expect(takes).toEqual([6]);
  });

  it("never refuses in global shadow mode, but logs what it would have refused", async () => {
    const { send, events } = limiter({ ...one, MODE: "shadow" });
    await send();
    const over = await send();
    expect([over.status, over.headers.has("ratelimit-policy")]).toEqual([200, false]);
    expect(events).toEqual(["shadow_refused"]);
  });

  describe.each(Object.entries(FAULTS))("when %s fails", (_, parts) => {
    it.each(["local", "open"])("forwards the request where the policy says %s, and says so", async (step) => {
      const { send, events } = limiter({ POLICIES: [{ ...policy, on_store_error: step }] }, parts);
      for (let i = 0; i < 3; i++) {
        const response = await send();
        expect([response.status, await response.text()]).toEqual([200, "from the origin"]);
        expect(response.headers.has("ratelimit-policy")).toBe(false);
      }
      expect(events).toEqual(["fault", "fault", "fault"]);
    });

    it("does what the global step says where the policy says nothing", async () => {
      expect((await limiter(one, parts).send()).status).toBe(200);
      expect((await limiter({ ...one, ON_STORE_ERROR: "closed" }, parts).send()).status).toBe(503);
    });

    it("refuses the request where one of the policies says closed, before the origin", async () => {
      let forwarded = 0;
      const forward = async () => {
        forwarded += 1;
        return new Response();
      };
      const closed = { ...policy, name: "closed", on_store_error: "closed" };
      const { send, events } = limiter(
        { ON_STORE_ERROR: "closed", POLICIES: [{ ...policy, on_store_error: "open" }, closed] },
        { ...parts, forward },
      );
      const refused = await send();
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
      expect(refused.headers.get("cache-control")).toBe("no-store");
      expect(await refused.json()).toMatchObject({
        type: expect.stringMatching(/#temporary-reduced-capacity$/),
      });
      expect([forwarded, events]).toEqual([0, ["fault"]]);
    });
  });

  it.each([
    ["local", [200, 429, 429]],
    ["open", [200, 200, 200]],
    ["closed", [503, 503, 503]],
  ])("climbs down to %s when the stack of stores itself is at fault", async (step, expected) => {
    const { send, events } = limiter(
      { POLICIES: [{ ...policy, on_store_error: step }] },
      { store: brokenStore },
    );
    const answers = [await send(), await send(), await send()];
    expect(answers.map(({ status }) => status)).toEqual(expected);
    expect(events).toContain("fault");
  });

  it("gives the origin's answer without fields when they cannot be added", async () => {
    const forward = async () => {
      const answer = new Response("from the origin");
      // Nothing can wrap a body that is being read.
      answer.body?.getReader();
      return answer;
    };
    const { send, events } = limiter(one, { forward });
    const answer = await send();
    expect([answer.status, answer.headers.has("ratelimit"), events]).toEqual([200, false, ["fault"]]);
  });

  describe("when a fault is met only while answering", () => {
    const bug = () => Promise.reject(new Error("bug"));

    it.each([
      ["attending to the request", { attend: bug }],
      ["forwarding it", { forward: bug }],
    ])("of %s, says that the origin gave no answer", async (_, parts) => {
      const { send, events } = limiter(one, parts);
      const answer = await send();
      expect([answer.status, answer.headers.get("cache-control")]).toEqual([502, "no-store"]);
      expect(events).toContain("fault");
    });

    it("goes on refusing what was refused", async () => {
      const decision = {
        ...{ allowed: false, remaining: 0, moreRoomMs: 1, resetMs: 1, nowMs: 1 },
        get retryAfterMs(): number {
          throw new Error("bug");
        },
      };
      const refusing: Store = {
        take: async () => ({
          ...{ admitted: false, receipts: [], final: true },
          outcomes: [{ kind: "decided", decision }],
        }),
        settle: async () => [],
      };
      const { send, events } = limiter(one, { store: refusing });
      const answer = await send();
      expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(events).toContain("fault");
    });

    it("keeps Weir's own paths from the origin", async () => {
      let forwarded = 0;
      const forward = async () => {
        forwarded += 1;
        return new Response();
      };
      const { send, events } = limiter(one, { own: bug, forward });
      const answer = await send("/_weir/policies");
      expect([answer.status, answer.headers.get("retry-after"), forwarded]).toEqual([503, "1", 0]);
      expect(events).toEqual(["fault"]);
    });
  });

  it("never refuses for the fault of a shadow policy", async () => {
    const shadow = { ...policy, mode: "shadow", on_store_error: "closed" };
    for (const parts of [{ store: brokenStore }, FAULTS.keying]) {
      const { send } = limiter({ POLICIES: [shadow] }, parts);
      expect((await send()).status).toBe(200);
    }
  });

  describe("when its store is away", () => {
    it.each([
      ["local", [200, 200, 429], ["refused"]],
      ["open", [200, 200, 200], []],
      ["closed", [503, 503, 503], []],
    ])("answers by the step %s, without what the store has not said", async (step, expected, others) => {
      const { send, events } = limiter(
        { POLICIES: [{ name: "two", limit: "2/minute", on_store_error: step }] },
        { store: away() },
      );
      const answers = [await send(), await send(), await send()];
      expect(answers.map(({ status }) => status)).toEqual(expected);
      for (const { headers } of answers) {
        expect(headers.get("ratelimit-policy")).toBe('"two";q=2;w=60');
        expect(headers.has("ratelimit")).toBe(false);
        expect(headers.has("x-ratelimit-remaining")).toBe(false);
      }
      expect(events).toEqual(["degraded", "degraded", "degraded", ...others]);
    });

    it("prefers a refusal with its wait to a refusal for the store", async () => {
      const { send } = limiter(
        {
          POLICIES: [
            { name: "closed", match: "/closed", limit: "1/minute", on_store_error: "closed" },
            { name: "one", key: "global", limit: "1/minute", on_store_error: "local" },
          ],
        },
        { store: away() },
      );
      // Gives back what was counted locally.
      expect((await send("/closed")).status).toBe(503);
      expect((await send("/")).status).toBe(200);
      const refused = await send("/closed");
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "60"]);
      expect(await refused.json()).toMatchObject({ "violated-policies": ["one"] });
    });
  });

  it("counts every request once by what became of it", async () => {
    const answered = async (path: string, env: Record<string, unknown>, parts: Parts = {}) => {
      const { send, counts } = limiter(env, parts);
      await send(path, { headers: { "CF-Connecting-IP": "192.0.2.1" } });
      return counts.filter((series) => series.startsWith("answers"));
    };
    expect(await answered("/", one)).toEqual(["answers allowed"]);
    expect(await answered("/", { ...one, EXEMPT: ["/"] })).toEqual(["answers unlimited"]);
    expect(await answered("/", { POLICIES: [{ ...policy, match: "/other" }] })).toEqual([
      "answers unlimited",
    ]);
    expect(await answered("/", { ...one, ALLOW: ["192.0.2.1"] })).toEqual(["answers unlimited"]);
    expect(await answered("/", { ...one, DENY: ["192.0.2.1"] })).toEqual(["answers denied"]);
    expect(await answered("/_weir/x", one)).toEqual([]);
    expect(await answered("/", one, FAULTS.keying)).toEqual(["answers unlimited"]);
    const closed = { POLICIES: [{ ...policy, on_store_error: "closed" }] };
    expect(await answered("/", closed, FAULTS.keying)).toEqual(["answers unavailable"]);
    expect(await answered("/", closed, { store: away() })).toEqual(["answers unavailable"]);
    expect(await answered("/", one, { store: away() })).toEqual(["answers degraded"]);
  });

  it("counts a refusal that is known before the body is read", async () => {
    const { send, counts } = limiter(
      { POLICIES: [policy, { ...policy, name: "two", key: "body:/user" }] },
      {
        knownRefusal: (charges) => ({
          admitted: false,
          outcomes: charges.map(() => ({
            kind: "decided",
            decision: { allowed: false, remaining: 0, retryAfterMs: 1, moreRoomMs: 1, resetMs: 1, nowMs: 1 },
          })),
          receipts: [],
          final: true,
        }),
      },
    );
    expect((await send("/", { method: "POST", body: "{}" })).status).toBe(429);
    expect(counts).toEqual(["requests one refused", "hits http", "answers refused"]);
  });

  it("gives a page to a browser that navigates, and a problem document to anyone else", async () => {
    const { send } = limiter(one);
    const accept = (value: string, method = "GET") => send("/", { method, headers: { Accept: value } });
    await send();
    const page = await accept("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
    expect(page.status).toBe(429);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page.headers.get("retry-after")).toBe("60");
    expect(page.headers.get("x-content-type-options")).toBe("nosniff");
    expect(page.headers.get("content-security-policy")).toMatch(/^default-src 'none'/);
    expect(await page.text()).toContain("Limit of 1 request per minute reached; try again in 60 seconds.");
    for (const value of ["TEXT/HTML", "application/json;q=0.4, text/html ; level=1; q=0.5"])
      expect((await accept(value)).headers.get("content-type")).toBe("text/html; charset=utf-8");
    for (const other of [
      await accept("*/*"),
      await accept("application/json, text/html;q=0.5"),
      await accept("text/html;q=0"),
      await accept("text/html;q=high"),
      await accept("text/html-like, text/plain"),
      await accept("text/html", "POST"),
    ]) {
      expect(other.headers.get("content-type")).toBe("application/problem+json");
    }
  });
});
