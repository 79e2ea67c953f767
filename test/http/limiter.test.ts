import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/parse-config.ts";
import { createLimiter, type LimiterParts } from "../../src/http/limiter.ts";
import { trieRouter } from "../../src/http/trie-router.ts";
import { createCharges } from "../../src/key/charges.ts";
import { createDigest } from "../../src/key/digest.ts";
import { createMatcher } from "../../src/policy/match.ts";
import { createDeadline } from "../../src/store/deadline.ts";
import { createLocalStore } from "../../src/store/local.ts";
import type { Store } from "../../src/store/store.ts";

/** The limiter with a local store and an origin that answers 200, unless a part is replaced. */
function limiter(env: Record<string, unknown>, parts: Partial<LimiterParts> = {}) {
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
  const handle = createLimiter({
    config,
    matcher: createMatcher(config.policies, config.exempt, trieRouter),
    chargeRequest: createCharges(createDigest(undefined), 64),
    store,
    newDeadline: () => createDeadline(1_000),
    forward: async () => new Response("from the origin", { headers: { "X-Own": "origin" } }),
    log: (event) => events.push(event),
    ...parts,
  });
  const send = (path = "/", init: RequestInit = {}) =>
    handle(new Request(`https://site.example${path}`, init));
  return { send, events, takes };
}

const one = { POLICIES: [{ name: "one", limit: "1/minute" }] };

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

  it.each([
    ["the store", { store: { take: () => Promise.reject(new Error("down")), settle: async () => [] } }],
    ["keying", { chargeRequest: () => Promise.reject(new Error("bug")) }],
    [
      "matching",
      {
        matcher: {
          match: () => {
            throw new Error("bug");
          },
          isExempt: () => false,
        },
      },
    ],
  ] satisfies [string, Partial<LimiterParts>][])(
    "forwards the request and says so when %s fails",
    async (_, parts) => {
      const { send, events } = limiter(one, parts);
      const response = await send();
      expect([response.status, await response.text()]).toEqual([200, "from the origin"]);
      expect(response.headers.has("ratelimit-policy")).toBe(false);
      expect(events).toEqual(["fault"]);
    },
  );

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
    for (const other of [
      await accept("*/*"),
      await accept("application/json, text/html;q=0.5"),
      await accept("text/html", "POST"),
    ]) {
      expect(other.headers.get("content-type")).toBe("application/problem+json");
    }
  });
});
