import { beforeEach, describe, expect, it, vi } from "vitest";
import { TOKEN, weirWith } from "./fixtures.ts";

const target = { policy: "ip", key: { ip: "192.0.2.9" } };
const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

describe("while the store is away", () => {
  let weir: ReturnType<typeof weirWith>;
  beforeEach(() => {
    weir = weirWith({
      STORE: "upstash",
      UPSTASH_REDIS_REST_URL: "https://redis.example",
      UPSTASH_REDIS_REST_TOKEN: "token",
      POLICIES: [
        { name: "ip", limit: "3/minute" },
        { name: "user", key: "header:x-user", limit: "3/minute, 9/hour" },
      ],
    });
    vi.stubGlobal("fetch", () => Promise.reject(new Error("down")));
  });

  it.each([
    ["POST", "peek", target],
    ["POST", "lookup", { key: target.key }],
    ["POST", "reset", target],
    ["PUT", "overrides", { ...target, limit: 0 }],
    ["DELETE", "overrides", target],
  ])("%s %s says so, and a change is logged as one that may have been made", async (method, path, body) => {
    const answer = await weir.operate(method, path, body);
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    const events = weir.lines.map((line) => JSON.parse(line));
    expect(events).toContainEqual(expect.objectContaining({ event: "store_error", store: "upstash" }));
    const changes = events.filter(({ event }) => event === "admin").map(({ outcome }) => outcome);
    expect(changes).toEqual(path === "peek" || path === "lookup" ? [] : ["unknown"]);
  });

  it("callers are told that nobody knows how they stand", async () => {
    let calls = 0;
    vi.stubGlobal("fetch", () => {
      calls += 1;
      return Promise.reject(new Error("down"));
    });
    expect((await weir.send("/_weir/limits", { headers: { "X-User": "alice" } })).status).toBe(503);
    // One to count the question, one for all keys.
    expect(calls).toBe(2);
  });

  it("the right token is let through, and wrong ones are still counted", async () => {
    for (let i = 0; i < 5; i++)
      expect((await weir.send("/_weir/policies", bearer("wrong"))).status).toBe(401);
    expect((await weir.send("/_weir/policies", bearer("wrong"))).status).toBe(429);
    expect((await weir.send("/_weir/policies", bearer(TOKEN))).status).toBe(200);
  });
});
