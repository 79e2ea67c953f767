import { describe, expect, it } from "vitest";
import type { KeyState } from "../../dashboard/api/answers.ts";
import { createClient } from "../../dashboard/api/client.ts";
import { createInspection } from "../../dashboard/state/inspection.ts";
import { configuration } from "./fixtures.ts";

const USER = { "header:x-user-id": "alice" };
const { policies } = configuration;

const stateOf = (key: string, remaining: number): KeyState => ({
  ...{ policy: "chat-user", key, mode: "enforce", locked_out_seconds: 0 },
  states: [
    {
      ...{ name: "q", limit: 5, window_seconds: 60, remaining, reset_seconds: 9 },
      ...(remaining === 0 && { retry_after_seconds: 9 }),
    },
  ],
});

/** What is looked at, with answers that come when the test gives them: by route, in the order of the questions. */
function start() {
  const waiting: { route: string; answer: (response: Response) => void }[] = [];
  const inspection = createInspection(
    createClient("http://weir/_weir/", "t", (url) => {
      const route = String(url).split("/").at(-1) ?? "";
      return new Promise((answer) => waiting.push({ route, answer }));
    }),
  );
  /** Answers the oldest question to that route. */
  const answer = async (route: string, body: object, status = 200) => {
    const at = waiting.findIndex((one) => one.route === route);
    waiting.splice(at, 1)[0]?.answer(Response.json(body, { status }));
    await new Promise(setImmediate);
  };
  const shown = () => inspection.get().keys.map(({ state }) => [state.key, state.states[0]?.remaining]);
  const lookUp = async (state: KeyState) => {
    void inspection.lookup(USER, policies);
    await answer("lookup", { keys: [state] });
  };
  return { inspection, answer, shown, lookUp };
}

describe("what is said of a user", () => {
  it("follows what an operator changes", async () => {
    const { inspection, lookUp } = start();
    await lookUp(stateOf("alice", 0));
    expect(inspection.get().summary).toMatch(/^chat-user refuses this user/);
    inspection.changed(stateOf("alice", 5));
    expect(inspection.get().summary).toBe("The only policy asked, chat-user, has room now.");
  });

  it("follows a refresh", async () => {
    const { inspection, answer, lookUp } = start();
    await lookUp(stateOf("alice", 5));
    const [card] = inspection.get().keys;
    if (card) void inspection.refresh(card);
    await answer("peek", stateOf("alice", 0));
    expect(inspection.get().summary).toMatch(/^chat-user refuses this user/);
  });

  it("goes as soon as another user is looked up, so that nobody lifts the former one's refusal", async () => {
    const { inspection, shown, lookUp } = start();
    await lookUp(stateOf("alice", 0));
    void inspection.lookup({ "header:x-user-id": "bob" }, policies);
    expect(shown()).toEqual([]);
    expect(inspection.get()).toMatchObject({ summary: "", notAsked: "", busy: true });
  });

  it("goes with the user's keys when another key is picked out of a list", async () => {
    const { inspection, answer, shown, lookUp } = start();
    await lookUp(stateOf("alice", 5));
    void inspection.inspect({ policy: "chat-user", digest: "other" });
    await answer("peek", stateOf("other", 0));
    expect(shown()).toEqual([["other", 0]]);
    expect(inspection.get().summary).toMatch(/^Picked out of the most refused keys/);
    expect(inspection.get().notAsked).toBe("");
  });

  it("stays when the key that is picked is the user's own", async () => {
    const { inspection, answer, lookUp } = start();
    await lookUp(stateOf("alice", 5));
    void inspection.inspect({ policy: "chat-user", digest: "alice" });
    await answer("peek", stateOf("alice", 0));
    expect(inspection.get().summary).toMatch(/^chat-user refuses this user/);
    expect(inspection.get().keys[0]?.target).toEqual({ policy: "chat-user", key: USER });
  });
});

describe("an answer that comes late", () => {
  it("to a refresh does not undo what an operator changed meanwhile", async () => {
    const { inspection, answer, shown, lookUp } = start();
    await lookUp(stateOf("alice", 0));
    const [card] = inspection.get().keys;
    if (card) void inspection.refresh(card);
    inspection.changed(stateOf("alice", 5));
    await answer("peek", stateOf("alice", 0));
    expect(shown()).toEqual([["alice", 5]]);
  });

  it("to a look-up does not come back after everything was cleared", async () => {
    const { inspection, answer, shown } = start();
    void inspection.lookup(USER, policies);
    inspection.clear();
    await answer("lookup", { keys: [stateOf("alice", 0)] });
    expect(shown()).toEqual([]);
    expect(inspection.get().busy).toBe(false);
  });

  it("about a picked key does not mix with a user who was looked up after it", async () => {
    const { inspection, answer, shown, lookUp } = start();
    void inspection.inspect({ policy: "chat-user", digest: "other" });
    await lookUp(stateOf("alice", 0));
    await answer("peek", { title: "Unavailable" }, 503);
    expect(shown()).toEqual([["alice", 0]]);
    expect(inspection.get()).toMatchObject({ busy: false, failure: undefined });
  });
});
