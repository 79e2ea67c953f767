import { describe, expect, it } from "vitest";
import type { KeyState, QuotaState } from "../../dashboard/api/answers.ts";
import { askableParts, notAsked, targetOf } from "../../dashboard/keys/target.ts";
import { byGravity, lookupSummary, verdictOf, verdictText } from "../../dashboard/keys/verdict.ts";
import { timeOfDay } from "../../dashboard/text/durations.ts";
import { configuration } from "./fixtures.ts";

const NOW_MS = 1_790_000_000_000;
const ROOM: QuotaState = { name: "q", limit: 5, remaining: 5, reset_seconds: 0, window_seconds: 60 };
const USED_UP: QuotaState = { ...ROOM, remaining: 0, retry_after_seconds: 13 };
const RAISED: QuotaState = {
  ...ROOM,
  limit: 50,
  remaining: 40,
  configured_limit: 5,
  overridden_until: "2026-11-22T11:00:00Z",
};
const BLOCKED: QuotaState = { ...RAISED, limit: 0, remaining: 0 };

const read = (state: KeyState) => ({ state, readAtMs: NOW_MS });
const key = (policy: string, states: QuotaState[], more: Partial<KeyState> = {}): KeyState => ({
  ...{ policy, key: "d", mode: "enforce", states, locked_out_seconds: 0 },
  ...more,
});

describe("what a policy does with a key", () => {
  it.each([
    ["room", key("p", [ROOM])],
    ["refused", key("p", [ROOM, USED_UP])],
    ["overridden", key("p", [RAISED])],
    ["blocked", key("p", [BLOCKED], { locked_out_seconds: 9 })],
    ["locked-out", key("p", [USED_UP], { locked_out_seconds: 9 })],
  ] as const)("is: %s", (verdict, state) => {
    expect(verdictOf(state)).toBe(verdict);
  });

  it("is only counted in shadow mode", () => {
    expect(verdictText("refused", key("p", [USED_UP], { mode: "shadow" }))).toBe(
      "Refused (shadow: only counted)",
    );
  });

  it("is shown gravest first", () => {
    const keys = [key("a", [ROOM]), key("b", [USED_UP]), key("c", [BLOCKED]), key("d", [USED_UP])].map(read);
    expect(byGravity(keys).map(({ state }) => state.policy)).toEqual(["c", "b", "d", "a"]);
  });
});

describe("the answer to a look-up", () => {
  it("names the policies that refuse, and when there is room", () => {
    const keys = [key("a", [ROOM]), key("b", [USED_UP, { ...USED_UP, retry_after_seconds: 70 }])];
    expect(lookupSummary(keys.map(read))).toBe(
      `b refuses this user: next room at ${timeOfDay(NOW_MS + 70_000)}.`,
    );
  });

  it("says that nothing refuses, leaving out policies that only count", () => {
    const keys = [key("a", [ROOM]), key("b", [USED_UP], { mode: "shadow" })];
    expect(lookupSummary(keys.map(read))).toBe("None of the 2 policies asked refuses now.");
  });

  it("says that no policy knows such a key", () => {
    expect(lookupSummary([])).toBe("No policy has a key made of what you gave.");
  });
});

describe("a key that was looked up", () => {
  const [chatUser] = configuration.policies;
  const state = key("chat-user", [ROOM]);

  it("is asked for by the parts that its policy has, and no others", () => {
    const given = { "header:x-user-id": "alice", "jwt:sub": "x" };
    expect(targetOf(state, chatUser, given)).toEqual({
      policy: "chat-user",
      key: { "header:x-user-id": "alice" },
    });
  });

  it("keeps the part that a table chooses by", () => {
    if (!chatUser) throw new Error("no policy");
    const table = { by: "jwt:plan", rows: {} };
    const given = { ip: "203.0.113.7", "jwt:plan": "pro" };
    expect(targetOf(state, { ...chatUser, table }, given)).toMatchObject({ key: given });
  });

  it("is asked for by its digest when nothing else is known", () => {
    expect(targetOf(state, chatUser, undefined)).toEqual({ policy: "chat-user", digest: "d" });
  });

  it("names the policies that could not be asked, and what they need", () => {
    const given = { "header:x-user-id": "alice" };
    expect(notAsked(configuration.policies, [state], given)).toBe(
      "Not asked: chat-ip, connections. Add a part to ask more: ip.",
    );
    const all = configuration.policies.map(({ name }) => key(name, [ROOM]));
    expect(notAsked(configuration.policies, all, given)).toBe("");
  });

  it("can have any part that a policy has, each offered once", () => {
    expect(askableParts(configuration.policies)).toEqual(["header:x-user-id", "ip"]);
  });
});
