import { describe, expect, it } from "vitest";
import { PAGE, TOKEN, weirWith } from "./fixtures.ts";

const signedIn = { headers: { Authorization: `Bearer ${TOKEN}` } };

describe("Weir's own paths", () => {
  it("tell that it runs, and with which configuration", async () => {
    const answer = await weirWith().send("/_weir/health");
    expect(await answer.json()).toEqual({
      status: "ok",
      version: "0.1.0",
      fingerprint: expect.stringMatching(/^[0-9a-f]{8}$/),
    });
  });

  it.each([
    "//_weir/health",
    "/%5fweir/health",
    "/_WEIR/health",
    "/_weir/health/",
    "/_weir//health",
    "/_weir/x",
  ])("are exact: there is nothing at %s, and it is not forwarded", async (path) => {
    const { send, forwarded } = weirWith();
    const answer = await send(path, signedIn);
    expect([answer.status, forwarded]).toEqual([404, []]);
  });

  it.each([
    ["POST", "health", "GET, HEAD"],
    ["GET", "peek", "POST"],
    ["POST", "overrides", "PUT, DELETE"],
    ["OPTIONS", "policies", "GET, HEAD"],
  ])("refuse %s %s, and say what is allowed", async (method, path, allow) => {
    const answer = await weirWith().send(`/_weir/${path}`, { ...signedIn, method });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, allow]);
  });

  it("answer HEAD as GET", async () => {
    const answer = await weirWith().send("/_weir/health", { method: "HEAD" });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json"]);
  });

  it("are closed to denied networks, and limited by nothing else", async () => {
    const { send } = weirWith({ DENY: ["203.0.113.0/24"], POLICIES: [{ name: "one", limit: "1/minute" }] });
    const denied = await send("/_weir/policies", { ...signedIn, from: "203.0.113.9" });
    expect(denied.status).toBe(403);
    for (let i = 0; i < 3; i++) expect((await send("/_weir/policies", signedIn)).status).toBe(200);
  });

  it.each(["health", "policies", "x", "", "peek"])("are kept by nobody: %s", async (path) => {
    const { headers } = await weirWith().send(`/_weir/${path}`, signedIn);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });
});

describe("the dashboard", () => {
  it.each([
    ["", "text/html", PAGE.html],
    ["dashboard.js", "text/javascript", PAGE.js],
    ["dashboard.css", "text/css", PAGE.css],
  ])("is served without the token: /_weir/%s", async (path, type, text) => {
    const answer = await weirWith().send(`/_weir/${path}`);
    expect([answer.status, await answer.text()]).toEqual([200, text]);
    expect(answer.headers.get("content-type")).toBe(`${type}; charset=utf-8`);
    expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
    expect(answer.headers.get("content-security-policy")).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
  });

  it("is in a folder", async () => {
    const answer = await weirWith().send("/_weir");
    expect([answer.status, answer.headers.get("location")]).toEqual([302, "/_weir/"]);
  });
});
