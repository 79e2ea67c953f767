import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { members, numbers } from "../support/fields.ts";
import { newAddress, useGateway } from "../support/gateway.ts";

/** The policies of a chat API: per user, or anonymous per address; and per address whoever is sending. */
const CHAT = [
  {
    name: "chat-user",
    match: "POST /chat/message",
    key: "header:x-user-id | ip",
    limit: "5/minute, 60/hour",
  },
  { name: "chat-ip", match: "POST /chat/message", key: "ip", limit: "30/minute" },
];

const gateway = useGateway({
  POLICIES: [
    ...CHAT,
    { name: "two", match: "/two", limit: "2/2s" },
    { name: "five", match: "/five", limit: "5/10s" },
    { name: "one", match: "/one", limit: "1/3s" },
    { name: "bucket", match: "/bucket", limit: "60/minute", algorithm: "token-bucket", burst: 10 },
    { name: "user", match: "/team", key: "header:x-user", limit: "10/10s" },
    { name: "tenant", match: "/team", key: "header:x-tenant | none", limit: "5/10s" },
    { name: "anonymous", match: "/anonymous", key: "header:x-user", limit: "2/minute" },
    { name: "each", match: "/each", key: "header:x-user", limit: "1/s" },
    { name: "plan", match: "/plan", limit: { by: "header:x-plan", free: "1/minute", Pro: "3/minute" } },
    { name: "never", match: "/never", limit: "5/minute", cost: 6 },
    { name: "ten", match: "/ten", limit: "10/minute" },
    { name: "watched", match: "/watched", limit: "1/minute", mode: "shadow" },
    { name: "ignored", match: "/ignored", limit: "1/minute", mode: "off" },
    { name: "theirs-too", match: "/limited*", limit: "50/minute" },
    { name: "cors", match: "/cors", limit: "1/minute" },
    { name: "exempt", match: "/assets/*", limit: "1/minute" },
  ],
  EXEMPT: ["GET /assets/public/*"],
  ALLOW: ["198.51.100.0/24"],
  DENY: ["203.0.113.0/24", "198.51.100.66"],
});

async function statuses(
  times: number,
  path: string,
  init: Parameters<typeof gateway.send>[1],
): Promise<number[]> {
  const found = [];
  for (let i = 0; i < times; i++) found.push((await gateway.send(path, init)).status);
  return found;
}

describe("enforcement", () => {
  it("forwards what no policy matches, without rate limit fields", async () => {
    const response = await gateway.send("/elsewhere");
    expect(response.status).toBe(200);
    expect([...response.headers.keys()].filter((name) => name.includes("ratelimit"))).toEqual([]);
  });

  it("refuses the third of 2 in two seconds, before the origin", async () => {
    const from = newAddress();
    expect(await statuses(2, "/two", { from })).toEqual([200, 200]);
    const before = gateway.origin.seen.length;
    const refused = await gateway.send("/two", { from });
    expect(refused.status).toBe(429);
    expect(numbers(refused)).toMatchObject({ limit: 2, remaining: 0, retryAfter: 2 });
    expect(refused.headers.get("cache-control")).toBe("no-store");
    expect(gateway.origin.seen.length).toBe(before);
    await sleep(2_100);
    const again = await gateway.send("/two", { from });
    expect([again.status, numbers(again).remaining]).toEqual([200, 1]);
  });

  it("counts down what remains, and never sends Retry-After with an allowed answer", async () => {
    const from = newAddress();
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push(numbers(await gateway.send("/five", { from })));
    expect(answers.map(({ remaining }) => remaining)).toEqual([4, 3, 2, 1, 0]);
    expect(answers.map(({ retryAfter }) => retryAfter)).toEqual(Array(5).fill(undefined));
  });

  it("admits a request at Retry-After, and not a second before", async () => {
    const from = newAddress();
    await gateway.send("/one", { from });
    const { retryAfter = 0 } = numbers(await gateway.send("/one", { from }));
    expect(retryAfter).toBe(3);
    await sleep((retryAfter - 1) * 1_000);
    const early = await gateway.send("/one", { from });
    expect([early.status, numbers(early).retryAfter]).toEqual([429, 1]);
    await sleep(1_000);
    expect((await gateway.send("/one", { from })).status).toBe(200);
  });

  it("limits a chat API per user and per address", async () => {
    const from = newAddress();
    const post = { method: "POST", from, headers: { "X-User-Id": "u" } };
    expect(await statuses(8, "/chat/message", post)).toEqual([200, 200, 200, 200, 200, 429, 429, 429]);
    expect((await gateway.send("/chat/history", { from })).headers.has("ratelimit")).toBe(false);
  });

  it("counts an empty user id as anonymous", async () => {
    const from = newAddress();
    expect(await statuses(5, "/chat/message", { method: "POST", from })).toEqual(Array(5).fill(200));
    const blank = { method: "POST", from, headers: { "X-User-Id": " " } };
    expect((await gateway.send("/chat/message", blank)).status).toBe(429);
  });

  it("stops an address that sends under many user ids", async () => {
    const from = newAddress();
    const answers = [];
    for (let i = 0; i < 31; i++) {
      answers.push(
        await gateway.send("/chat/message", {
          method: "POST",
          from,
          headers: { "X-User-Id": `${from}-${i}` },
        }),
      );
    }
    expect(answers.slice(0, 30).every(({ status }) => status === 200)).toBe(true);
    const last = answers[30];
    expect(last?.status).toBe(429);
    expect(await last?.json()).toMatchObject({ "violated-policies": ["chat-ip"] });
  });

  it("charges neither the hour nor the address for what the minute refuses", async () => {
    const from = newAddress();
    const post = { method: "POST", from, headers: { "X-User-Id": `${from}-u` } };
    await statuses(20, "/chat/message", post);
    const other = await gateway.send("/chat/message", { ...post, headers: { "X-User-Id": `${from}-v` } });
    expect(members(other, "RateLimit").find(([name]) => name === "chat-ip")?.[1]).toMatchObject({ r: 24 });
  });

  it.each(["/CHAT/message/", "//chat/message", "/chat/%6Dessage", "/chat%2Fmessage"])(
    "is not escaped by %s",
    async (path) => {
      const answer = await gateway.send(path, { method: "POST" });
      expect(members(answer, "RateLimit-Policy").map(([name]) => name)).toContain("chat-ip");
    },
  );

  it("says so when a request can never be admitted", async () => {
    const refused = await gateway.send("/never");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, null]);
    expect((await refused.json()) as object).toMatchObject({
      detail: expect.stringContaining("costs more than"),
    });
  });

  it("admits exactly the limit of a hundred requests at once", async () => {
    const from = newAddress();
    const answers = await Promise.all(Array.from({ length: 100 }, () => gateway.send("/ten", { from })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
  });

  it("lets a token bucket burst and then pays it back", async () => {
    const from = newAddress();
    expect(await statuses(10, "/bucket", { from })).toEqual(Array(10).fill(200));
    const refused = await gateway.send("/bucket", { from });
    expect([refused.status, numbers(refused).limit, numbers(refused).retryAfter]).toEqual([429, 10, 1]);
    expect(members(refused, "RateLimit-Policy")).toEqual([["bucket", { q: 60, w: 60 }]]);
  });
});

describe("several dimensions", () => {
  it("refuses either user of a tenant that is out of room", async () => {
    const as = (user: string) => ({ headers: { "X-User": user, "X-Tenant": "acme" } });
    expect(await statuses(3, "/team", as("alice"))).toEqual([200, 200, 200]);
    expect(await statuses(2, "/team", as("bob"))).toEqual([200, 200]);
    expect(await statuses(1, "/team", as("alice"))).toEqual([429]);
    expect(await statuses(1, "/team", as("bob"))).toEqual([429]);
  });

  it("leaves out a policy whose key ends in none when nothing is present", async () => {
    const answer = await gateway.send("/team", { headers: { "X-User": "carol" } });
    expect(members(answer, "RateLimit").map(([name]) => name)).toEqual(["user"]);
  });

  it("lets all who lack a key part share one key", async () => {
    expect(await statuses(1, "/anonymous", {})).toEqual([200]);
    expect(await statuses(1, "/anonymous", { headers: { "X-User": "" } })).toEqual([200]);
    expect(await statuses(1, "/anonymous", { headers: { "X-User": "  " } })).toEqual([429]);
  });

  it("keeps a thousand users apart", { timeout: 120_000 }, async () => {
    const answers: number[] = [];
    for (let batch = 0; batch < 20; batch++) {
      const users = Array.from({ length: 50 }, (_, i) => ({ headers: { "X-User": `user-${batch}-${i}` } }));
      answers.push(
        ...(await Promise.all(users.map(async (init) => (await gateway.send("/each", init)).status))),
      );
    }
    expect(answers).toEqual(Array(1_000).fill(200));
  });

  it("chooses the limit by a table, unlimited where it has no row", async () => {
    const on = (plan: string) => ({ from: newAddress(), headers: { "X-Plan": plan } });
    expect(await statuses(2, "/plan", on("FREE"))).toEqual([200, 429]);
    expect(await statuses(4, "/plan", on(" pro "))).toEqual([200, 200, 200, 429]);
    const unlimited = await gateway.send("/plan", on("gold"));
    expect([unlimited.status, unlimited.headers.has("ratelimit-policy")]).toEqual([200, false]);
  });
});

describe("fields", () => {
  it("name every quota, in the order of the configuration", async () => {
    const answer = await gateway.send("/chat/message", { method: "POST" });
    expect(members(answer, "RateLimit-Policy")).toEqual([
      ["chat-user-minute", { q: 5, w: 60 }],
      ["chat-user-hour", { q: 60, w: 3600 }],
      ["chat-ip", { q: 30, w: 60 }],
    ]);
    expect(members(answer, "RateLimit")).toEqual([
      ["chat-user-minute", { r: 4, t: 60 }],
      ["chat-user-hour", { r: 59, t: 3600 }],
      ["chat-ip", { r: 29, t: 60 }],
    ]);
    const now = Date.now() / 1_000;
    const { limit, remaining, reset = 0 } = numbers(answer);
    expect([limit, remaining]).toEqual([5, 4]);
    expect(reset - now).toBeGreaterThan(58);
    expect(reset - now).toBeLessThanOrEqual(61);
  });

  it("follow the origin's own of the same generation, and replace older ones", async () => {
    const same = await gateway.send("/limited");
    expect(members(same, "RateLimit-Policy").map(([name]) => name)).toEqual(["theirs", "theirs-too"]);
    expect(members(same, "RateLimit").map(([name]) => name)).toEqual(["theirs", "theirs-too"]);
    expect(numbers(same).limit).toBe(50);
    const older = await gateway.send("/limited-before");
    expect(members(older, "RateLimit").map(([name]) => name)).toEqual(["theirs-too"]);
    expect(older.headers.has("ratelimit-limit")).toBe(false);
  });
});

describe("pages of another origin", () => {
  const Origin = "https://page.example";

  it("send preflights that are not counted", async () => {
    const from = newAddress();
    const preflight = {
      method: "OPTIONS",
      from,
      headers: { Origin, "Access-Control-Request-Method": "POST" },
    };
    const before = gateway.origin.seen.length;
    expect(await statuses(3, "/cors", preflight)).toEqual([200, 200, 200]);
    expect(gateway.origin.seen.length).toBe(before + 3);
    expect((await gateway.send("/cors", { from })).status).toBe(200);
  });

  it("can read the fields of an answer, and a refusal", async () => {
    const from = newAddress();
    const allowed = await gateway.send("/cors", { from, headers: { Origin } });
    expect(allowed.headers.get("access-control-expose-headers")).toMatch(/^X-Own, .*RateLimit-Policy/);
    const refused = await gateway.send("/cors", { from, headers: { Origin } });
    expect(refused.status).toBe(429);
    expect(refused.headers.get("access-control-allow-origin")).toBe(Origin);
    expect(refused.headers.get("access-control-allow-credentials")).toBe(null);
    expect(refused.headers.get("vary")).toContain("Origin");
    expect(refused.headers.get("access-control-expose-headers")).toContain("Retry-After");
  });
});

describe("lists and modes", () => {
  it("never limit an exempt path, matched as it was sent", async () => {
    const from = newAddress();
    expect(await statuses(3, "/assets/public/logo.svg", { from })).toEqual([200, 200, 200]);
    expect(await statuses(2, "/assets/Public/logo.svg", { from })).toEqual([200, 429]);
    expect((await gateway.send("/assets/public/..%2fsecret", { from })).status).toBe(429);
  });

  it("never limit an allowed network, and always refuse a denied one", async () => {
    expect(await statuses(3, "/two", { from: "198.51.100.7" })).toEqual([200, 200, 200]);
    const denied = await gateway.send("/", { from: "203.0.113.5" });
    expect([denied.status, denied.headers.get("cache-control")]).toEqual([403, "no-store"]);
    expect((await gateway.send("/", { from: "198.51.100.66" })).status).toBe(403);
    expect((await gateway.send("/_weir/health", { from: "203.0.113.5" })).status).toBe(403);
  });

  it("never forward /_weir/", async () => {
    const before = gateway.origin.seen.length;
    expect((await gateway.send("/_weir/health")).status).toBe(200);
    for (const path of ["/_weir/other", "//_weir/health", "/%5fweir/health", "/_WEIR/health"])
      expect((await gateway.send(path)).status).toBe(404);
    expect(gateway.origin.seen.length).toBe(before);
  });

  it("let a shadow policy decide and log, but not refuse or advertise", async () => {
    const from = newAddress();
    expect(await statuses(3, "/watched", { from })).toEqual([200, 200, 200]);
    expect((await gateway.send("/watched", { from })).headers.has("ratelimit-policy")).toBe(false);
    expect(gateway.weir.output()).toContain('"event":"shadow_refused","policy":"watched"');
  });

  it("leave a policy alone that is off", async () => {
    expect(await statuses(3, "/ignored", { from: newAddress() })).toEqual([200, 200, 200]);
  });
});

describe("a refusal", () => {
  it("is a problem document for programs", async () => {
    const from = newAddress();
    await statuses(2, "/five", { from });
    await statuses(5, "/five", { from });
    const refused = await gateway.send("/five", { from });
    expect(refused.headers.get("content-type")).toBe("application/problem+json");
    const { retryAfter } = numbers(refused);
    expect(await refused.json()).toEqual({
      type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
      title: "Quota exceeded",
      status: 429,
      detail: `Limit of 5 requests per 10 seconds reached; try again in ${retryAfter} seconds.`,
      "violated-policies": ["five"],
      retry_after_seconds: retryAfter,
    });
  });

  it("has the length but no body for HEAD", async () => {
    const from = newAddress();
    await statuses(5, "/five", { from });
    const [get, head] = [
      await gateway.send("/five", { from }),
      await gateway.send("/five", { from, method: "HEAD" }),
    ];
    expect([get.status, head.status, await head.text()]).toEqual([429, 429, ""]);
    expect(Number(head.headers.get("content-length"))).toBeGreaterThan(0);
    expect(head.headers.get("content-type")).toBe(get.headers.get("content-type"));
  });

  it("names no caller", async () => {
    const from = newAddress();
    const init = { method: "POST", from, headers: { "X-User-Id": "secret-user" } };
    await statuses(5, "/chat/message", init);
    const refused = await gateway.send("/chat/message", init);
    const everything = JSON.stringify([...refused.headers]) + (await refused.text()) + gateway.weir.output();
    expect(everything).not.toContain("secret-user");
    expect(everything).not.toContain(from);
  });
});
