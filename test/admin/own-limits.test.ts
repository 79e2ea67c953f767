import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { pass, weirWith } from "./fixtures.ts";

const JWT_SECRET = "a secret that signs tokens of tests";
const POLICIES = [
  { name: "ip", limit: "9/minute" },
  { name: "user", match: "POST /chat", key: "header:x-user", limit: "2/minute, 10/hour" },
  { name: "token", match: "/t", key: "user", limit: "3/minute" },
  {
    name: "plan",
    match: "/plan",
    key: "ip",
    limit: { by: "jwt:plan", pro: "50/minute", "*": "1/minute" },
  },
  { name: "param", match: "/items/:id", key: "param:id", limit: "4/minute" },
  { name: "method", match: "/m", key: "method + path", limit: "5/minute" },
  { name: "query", match: "/q", key: "query:tenant", limit: "6/minute" },
  { name: "tool", match: "POST /mcp", key: "mcp:tool", limit: "1/minute" },
  { name: "tools", match: "POST /mcp", limit: { by: "mcp:tool", search: "1/minute", "*": "2/minute" } },
  { name: "body", match: "POST /mcp", key: "body:/user", limit: "1/minute" },
  { name: "sockets", on: "connection", limit: "1 concurrent" },
  { name: "messages", on: "message", limit: "1/minute" },
  { name: "off", limit: "1/minute", mode: "off" },
  { name: "watched", match: "/w", limit: "7/minute", mode: "shadow" },
];

interface Answer {
  readonly states: { readonly name: string; readonly remaining: number; readonly limit: number }[];
}

function world(env: Readonly<Record<string, unknown>> = {}) {
  const weir = weirWith({ POLICIES, JWT_SECRET, ADMIN_TOKEN: undefined, ...env });
  const limits = async (query = "", headers: Readonly<Record<string, string>> = {}) => {
    const answer = await weir.send(`/_weir/limits${query}`, { headers });
    const { states } = (await answer.json()) as Answer;
    return states.map(({ name, remaining, limit }) => `${name} ${remaining}/${limit}`);
  };
  return { ...weir, limits };
}

async function tokenOf(claims: Readonly<Record<string, unknown>>): Promise<{ Authorization: string }> {
  const jwt = new SignJWT(claims).setProtectedHeader({ alg: "HS256" });
  return { Authorization: `Bearer ${await jwt.sign(new TextEncoder().encode(JWT_SECRET))}` };
}

describe("a caller's own limits", () => {
  it("are those of request policies whose key it has", async () => {
    const { limits } = world();
    expect(await limits()).toEqual(["ip 9/9", "plan 1/1", "watched 7/7"]);
    expect(await limits("", { "X-User": "alice" })).toEqual([
      "ip 9/9",
      "user-minute 2/2",
      "user-hour 10/10",
      "plan 1/1",
      "watched 7/7",
    ]);
  });

  it("are what requests have left of them, and asking takes nothing", async () => {
    const { limits, send } = world();
    const headers = { "X-User": "alice" };
    await send("/chat", { method: "POST", headers });
    pass(1_000);
    for (let i = 0; i < 3; i++)
      expect(await limits("?path=/chat&method=POST", headers)).toEqual([
        "ip 8/9",
        "user-minute 1/2",
        "user-hour 9/10",
      ]);
    expect(await limits("?path=/chat&method=POST", { "X-User": "bob" })).toContain("user-minute 2/2");
  });

  it.each([
    ["?path=/chat", ["ip 9/9"]],
    ["?path=/chat&method=post", ["ip 9/9", "user-minute 2/2", "user-hour 10/10"]],
    ["?path=/CHAT/&method=POST", ["ip 9/9", "user-minute 2/2", "user-hour 10/10"]],
    ["?path=//chat&method=POST", ["ip 9/9", "user-minute 2/2", "user-hour 10/10"]],
    ["?path=/items/7", ["ip 9/9", "param 4/4"]],
    ["?path=/m", ["ip 9/9", "method 5/5"]],
    ["?path=/q", ["ip 9/9"]],
    ["?path=/q%3Ftenant=a", ["ip 9/9", "query 6/6"]],
    ["?path=/w", ["ip 9/9", "watched 7/7"]],
    ["?path=/free", []],
    ["?path=/mcp&method=POST", ["ip 9/9"]],
  ])("of %s are those of a request there", async (query, expected) => {
    const { limits } = world({ EXEMPT: ["/free"] });
    expect(await limits(query, { "X-User": "alice" })).toEqual(expected);
  });

  it("count as the request that is asked about does", async () => {
    const { limits, send } = world();
    await send("/items/Seven");
    await send("/m", { method: "PUT" });
    await send("/q?tenant=a");
    expect(await limits("?path=/items/seven")).toContain("param 3/4");
    expect(await limits("?path=/items/8")).toContain("param 4/4");
    expect(await limits("?path=/m&method=PUT")).toContain("method 4/5");
    expect(await limits("?path=/m")).toContain("method 5/5");
    expect(await limits("?path=/q%3Ftenant=a")).toContain("query 5/6");
  });

  it("are chosen and found by a verified token", async () => {
    const { limits, send } = world();
    const headers = await tokenOf({ sub: "alice", plan: "pro" });
    await send("/t", { headers });
    expect(await limits("?path=/t", headers)).toEqual(["ip 8/9", "token 2/3"]);
    expect(await limits("?path=/plan", headers)).toContain("plan 50/50");
    const forged = { Authorization: `${headers.Authorization}x` };
    expect(await limits("?path=/t", forged)).toEqual(["ip 8/9"]);
  });

  it.each([
    ["?path=chat", "path"],
    ["?path=https://other.example/", "path"],
    ["?path=", "path"],
    ["?path=/&method=A+B", "method"],
  ])("of %s are refused", async (query, path) => {
    const answer = await world().send(`/_weir/limits${query}`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ problems: [{ path }] });
  });

  it("are told 60 times a minute to an address", async () => {
    const { send } = world();
    for (let i = 0; i < 60; i++) expect((await send("/_weir/limits")).status).toBe(200);
    const refused = await send("/_weir/limits");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "60"]);
    expect((await send("/_weir/limits", { from: "192.0.2.99" })).status).toBe(200);
    pass(60_000);
    expect((await send("/_weir/limits")).status).toBe(200);
  });
});
