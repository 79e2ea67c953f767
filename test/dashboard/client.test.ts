import { describe, expect, it } from "vitest";
import { createClient } from "../../dashboard/api/client.ts";

describe("an answer that is no success", () => {
  const answering = (status: number, body: string, headers = {}) =>
    createClient("http://weir/_weir/", "t", async () => new Response(body, { status, headers }));

  it("without a right token is told apart", async () => {
    expect(await answering(401, "{}").policies()).toEqual({ ok: false, failure: { kind: "unauthorized" } });
  });

  it("is not waited for with a token that no request can have, such as the dots of a password field", async () => {
    const client = createClient("http://weir/_weir/", "•••••", fetch);
    expect(await client.policies()).toEqual({ ok: false, failure: { kind: "unauthorized" } });
  });

  it("of guessing says how long to wait", async () => {
    const { policies } = answering(429, "{}", { "Retry-After": "43" });
    expect(await policies()).toEqual({ ok: false, failure: { kind: "throttled", retryAfterSeconds: 43 } });
  });

  it("with problems lists them all", async () => {
    const body = {
      detail: "Bad.",
      problems: [
        { path: "until", problem: "is past" },
        { path: "limit", problem: "x", hint: "y" },
      ],
    };
    expect(await answering(400, JSON.stringify(body)).policies()).toEqual({
      ok: false,
      failure: { kind: "refused", status: 400, detail: "Bad.", hints: ["until: is past", "limit: x (y)"] },
    });
  });

  it("of something else than Weir is no crash", async () => {
    expect(await answering(502, "<html>").policies()).toMatchObject({ ok: false, failure: { status: 502 } });
    expect(await answering(200, "<html>").policies()).toMatchObject({
      failure: { kind: "unreachable", detail: "The answer is not Weir's." },
    });
  });
});
