import { describe, expect, it } from "vitest";
import type { KeyState, QuotaState } from "../../dashboard/api/answers.ts";
import { type Client, createClient, type Target } from "../../dashboard/api/client.ts";
import {
  type Action,
  actionFailureText,
  consequence,
  needsReset,
  perform,
  result,
  takesEffect,
} from "../../dashboard/keys/action.ts";
import { untilMs } from "../../dashboard/keys/until.ts";
import { configuration } from "./fixtures.ts";

const NOW_MS = 1_790_000_000_000;

/** Notes what is asked, and answers each with the same state. */
function notingClient(): { client: Client; asked: unknown[] } {
  const asked: unknown[] = [];
  const client = createClient("http://weir/_weir/", "t", async (url, init) => {
    const route = String(url).split("/").at(-1);
    asked.push([init?.method, route, init?.body ? JSON.parse(String(init.body)) : undefined]);
    return Response.json({ policy: "p", key: "d", mode: "enforce", states: [], locked_out_seconds: 0 });
  });
  return { client, asked };
}

describe("an operator's action", () => {
  const target: Target = { policy: "p", digest: "d" };
  const choices = { limit: "100", untilMs: NOW_MS, alsoReset: false };
  const until = new Date(NOW_MS).toISOString();
  const asking = async (action: Action, some: Partial<typeof choices> = {}) => {
    const { client, asked } = notingClient();
    await perform(client, action, target, { ...choices, ...some });
    return asked;
  };

  it("resets", async () => {
    expect(await asking("reset")).toEqual([["POST", "reset", target]]);
  });

  it("sets another limit, a plain number as a number", async () => {
    expect(await asking("override")).toEqual([["PUT", "overrides", { ...target, limit: 100, until }]]);
  });

  it("sets several limits as the text they are written in", async () => {
    const limit = "100/minute, 1000/hour";
    expect(await asking("override", { limit: ` ${limit} ` })).toEqual([
      ["PUT", "overrides", { ...target, limit, until }],
    ]);
  });

  it("blocks by a limit of 0", async () => {
    expect(await asking("block")).toEqual([["PUT", "overrides", { ...target, limit: 0, until }]]);
  });

  it("lifts by ending the override, and resets where that was asked", async () => {
    expect(await asking("lift")).toEqual([["DELETE", "overrides", target]]);
    expect(await asking("lift", { alsoReset: true })).toEqual([
      ["DELETE", "overrides", target],
      ["POST", "reset", target],
    ]);
  });

  it("warns of leases only where the policy has them", () => {
    const [policy] = configuration.policies;
    if (!policy) throw new Error("no policy");
    expect(takesEffect(policy)).not.toContain("lease");
    expect(takesEffect({ ...policy, lease: true })).toContain("leases already handed out last to their end");
  });
});

describe("letting a key in", () => {
  const used: QuotaState = { name: "q", limit: 5, remaining: 0, reset_seconds: 9, retry_after_seconds: 9 };
  const blocked: QuotaState = { ...used, limit: 0, overridden_until: "2026-11-22T11:00:00Z" };
  const keyOf = (states: QuotaState[], locked = 0): KeyState => ({
    ...{ policy: "p", key: "d", mode: "enforce", states, locked_out_seconds: locked },
  });

  it.each([
    ["a quota is used up", keyOf([used]), true],
    ["it is locked out", keyOf([{ ...used, remaining: 5 }], 60), true],
    ["it is blocked", keyOf([blocked]), false],
    ["it is blocked and locked out", keyOf([blocked], 60), true],
    ["an override and another quota are used up", keyOf([{ ...blocked, limit: 9 }, used]), true],
  ])("takes a reset where nothing else would do: %s", (_, state, expected) => {
    expect(needsReset(state)).toBe(expected);
  });

  it("speaks of an override only where there is one, or where nobody knows", () => {
    const request = { action: "lift", target: { policy: "p", digest: "d" }, policy: undefined } as const;
    const choices = { limit: "", untilMs: 0, alsoReset: true };
    const said = [request, { ...request, state: keyOf([blocked]) }, { ...request, state: keyOf([used]) }];
    expect(said.map((one) => [consequence(one).includes("no override"), result(one, choices)])).toEqual([
      [false, "The override is gone, and the key starts from nothing used."],
      [false, "The override is gone, and the key starts from nothing used."],
      [true, "The key starts from nothing used."],
    ]);
  });

  it("says when nobody knows whether it was done", () => {
    const refused = (status: number) => ({ kind: "refused", status, detail: "No.", hints: [] }) as const;
    const doubt = "It may have been done all the same; doing it again does no harm.";
    expect(actionFailureText(refused(503))).toBe(`No. ${doubt}`);
    expect(actionFailureText({ kind: "unreachable", detail: "No." })).toBe(`No. ${doubt}`);
    expect(actionFailureText(refused(400))).toBe("No.");
  });
});

describe("the end of an override", () => {
  it.each([
    ["15m", 900_000],
    ["1h", 3_600_000],
    ["24h", 86_400_000],
  ] as const)("is soon chosen: %s", (length, ms) => {
    expect(untilMs(length, "", NOW_MS)).toBe(NOW_MS + ms);
  });

  it.each([
    ["", "Choose a date and time."],
    ["2020-01-01T00:00", "That time is past."],
    ["2036-01-01T00:00", "At most 366 days from now."],
  ])("of one's own must be possible: %s", (local, problem) => {
    expect(untilMs("own", local, NOW_MS)).toBe(problem);
  });
});
