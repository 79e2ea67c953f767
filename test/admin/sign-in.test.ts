import { describe, expect, it } from "vitest";
import { createSignIn } from "../../src/admin/sign-in.ts";
import { pass, TOKEN, weirWith } from "./fixtures.ts";

const PROTECTED = ["metrics", "snapshot", "policies", "openapi.json"];
const bearer = (token: string, scheme = "Bearer") => ({ headers: { Authorization: `${scheme} ${token}` } });
const wrong = bearer("x".repeat(TOKEN.length));

describe("signing in", () => {
  it.each(PROTECTED)("is needed for %s", async (path) => {
    const { send } = weirWith();
    const answer = await send(`/_weir/${path}`);
    expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect((await send(`/_weir/${path}`, bearer(TOKEN))).status).toBe(200);
  });

  it.each(["bearer", "BEARER"])("takes the scheme as %s, too", async (scheme) => {
    const { send } = weirWith();
    expect((await send("/_weir/policies", bearer(TOKEN, scheme))).status).toBe(200);
  });

  it.each([TOKEN.slice(0, -1), `${TOKEN}x`, TOKEN.toUpperCase(), "", `x${TOKEN.slice(1)}`])(
    "does not take %j for the token",
    async (token) => {
      const { send } = weirWith();
      expect((await send("/_weir/policies", bearer(token))).status).toBe(401);
    },
  );

  it("does not take the token in another scheme", async () => {
    const { send } = weirWith();
    expect((await send("/_weir/policies", bearer(TOKEN, "Basic"))).status).toBe(401);
  });

  it("is refused after five wrong tokens in a minute, even with the right one", async () => {
    const { send } = weirWith();
    for (let i = 0; i < 5; i++) expect((await send("/_weir/policies", wrong)).status).toBe(401);
    for (const init of [wrong, bearer(TOKEN)]) {
      const refused = await send("/_weir/policies", init);
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "60"]);
      expect(refused.headers.get("cache-control")).toBe("no-store");
    }
    pass(59_999);
    const last = await send("/_weir/policies", bearer(TOKEN));
    expect([last.status, last.headers.get("retry-after")]).toEqual([429, "1"]);
    pass(1);
    expect((await send("/_weir/policies", bearer(TOKEN))).status).toBe(200);
  });

  it("is counted for each address, as policies tell them apart", async () => {
    const { send } = weirWith();
    for (let i = 0; i < 6; i++) await send("/_weir/policies", { ...wrong, from: `2001:db8::${i}` });
    expect((await send("/_weir/policies", { ...bearer(TOKEN), from: "2001:db8::ffff" })).status).toBe(429);
    expect((await send("/_weir/policies", { ...bearer(TOKEN), from: "2001:db8:0:1::1" })).status).toBe(200);
  });

  it("does not count requests without credentials, nor those with the token", async () => {
    const { send } = weirWith();
    for (let i = 0; i < 10; i++) {
      expect((await send("/_weir/policies")).status).toBe(401);
      expect((await send("/_weir/policies", bearer(TOKEN))).status).toBe(200);
    }
  });

  it("uses up nothing of a policy's quota", async () => {
    const { send } = weirWith({ POLICIES: [{ name: "one", limit: "1/minute" }] });
    await send("/_weir/policies", wrong);
    expect((await send("/")).status).toBe(200);
  });

  it("works with the right token while nobody can tell how often was guessed", async () => {
    const away = { take: async () => 0, waitMs: async () => 0 };
    const request = new Request("https://site.example/", bearer(TOKEN));
    expect(await createSignIn(TOKEN, away)(request, {} as never)).toBeUndefined();
  });
});

describe("without a token", () => {
  const { ADMIN_TOKEN } = { ADMIN_TOKEN: undefined };

  it.each([...PROTECTED, "", "dashboard.js", "dashboard.css", "peek", "overrides"])(
    "there is no /_weir/%s",
    async (path) => {
      const { send } = weirWith({ ADMIN_TOKEN });
      expect((await send(`/_weir/${path}`, bearer("undefined"))).status).toBe(404);
    },
  );

  it("there are health and limits", async () => {
    const { send } = weirWith({ ADMIN_TOKEN });
    expect((await send("/_weir/health")).status).toBe(200);
    expect((await send("/_weir/limits")).status).toBe(200);
  });
});
