import { describe, expect, it } from "vitest";
import { createGates } from "../../src/http/message-gate.ts";
import type { RecordDecision } from "../../src/http/record.ts";
import { createDeadline } from "../../src/store/deadline.ts";
import { createLocalStore } from "../../src/store/local.ts";
import { chargesOf } from "../key/fixtures.ts";

const NOW_MS = 1_800_000_000_000;

function gates(record: RecordDecision = () => {}) {
  const now = () => NOW_MS;
  const parts = { store: createLocalStore(now), now, newDeadline: () => createDeadline(1_000) };
  return createGates({ ...parts, waitUntil: () => {}, record });
}

async function opened(open: ReturnType<typeof gates>, plan: string) {
  const limit = { by: "header:x-plan", free: "2/minute", pro: "50/minute" };
  const policy = { name: "messages", on: "message", key: "header:x-user", limit, strikes: 3 };
  const headers = { "x-user": "ann", "x-plan": plan };
  return open(await chargesOf([policy], { headers }));
}

describe("the gate of a socket", () => {
  it("counts under the limit of its own socket's plan, whichever was opened first", async () => {
    for (const plans of [
      ["pro", "free"],
      ["free", "pro"],
    ] as const) {
      const open = gates();
      const [one, other] = [await opened(open, plans[0]), await opened(open, plans[1])];
      const [pro, free] = plans[0] === "pro" ? [one, other] : [other, one];
      for (let i = 0; i < 5; i++) expect(await pro.rule("message")).toEqual({ kind: "forward" });
      // Both count together, each against its own limit.
      expect(await free.rule("message")).toEqual({
        kind: "refuse",
        policy: "messages",
        retryAfter: expect.any(Number),
        strikes: 3,
      });
    }
  });

  it("records every message, also what permits pay for", async () => {
    const recorded: string[] = [];
    const open = gates((type, charges, answer) => {
      const admitted = answer ? String(answer.admitted) : "paid";
      recorded.push(`${type} ${charges[0]?.policy.name} ${admitted}`);
    });
    const gate = await opened(open, "pro");
    for (let i = 0; i < 60; i++) await gate.rule("message");
    expect(recorded).toHaveLength(60);
    expect(new Set(recorded)).toEqual(
      new Set(["ws_message messages true", "ws_message messages paid", "ws_message messages false"]),
    );
  });

  it("shares what was taken ahead among the sockets of one caller, and gives it back with the last", async () => {
    const open = gates();
    const [one, other] = [await opened(open, "free"), await opened(open, "free")];
    expect(await one.rule("a")).toEqual({ kind: "forward" });
    expect(await other.rule("b")).toEqual({ kind: "forward" });
    expect(await one.rule("c")).toMatchObject({ kind: "refuse" });
    one.leave();
    expect(await other.rule("d")).toMatchObject({ kind: "refuse" });
    other.leave();
  });
});
