import { describe, expect, it } from "vitest";
import { createDesk } from "../../src/admin/desk.ts";
import { Unavailable } from "../../src/admin/routes.ts";
import { createDeadline } from "../../src/store/deadline.ts";
import type { Administration } from "../../src/store/store.ts";
import { charge } from "../store/fixtures.ts";

function deskWith(answer: () => Promise<never>) {
  const reasons: string[] = [];
  const calls: string[] = [];
  const verb = (name: string) => () => {
    calls.push(name);
    return answer();
  };
  const administration: Administration = {
    peek: verb("peek"),
    reset: verb("reset"),
    override: verb("override"),
  };
  const desk = createDesk({
    administration,
    newDeadline: () => createDeadline(20),
    report: (reason) => reasons.push(reason),
  });
  return { desk, reasons, calls };
}

describe("the operators' desk", () => {
  it.each(["peek", "reset", "override"] as const)("tells when the store fails to %s, once", async (verb) => {
    const { desk, reasons, calls } = deskWith(() => Promise.reject(new Error("down")));
    const edit = { charge: charge(), limit: 1, untilMs: 1 };
    const asked = verb === "override" ? desk.override([edit]) : desk[verb]([charge()]);
    await expect(asked).rejects.toBeInstanceOf(Unavailable);
    expect([reasons, calls]).toEqual([["Error: down"], [verb]]);
  });

  it("waits no longer than a request would", async () => {
    const { desk, reasons } = deskWith(() => new Promise(() => {}));
    await expect(desk.reset([charge()])).rejects.toBeInstanceOf(Unavailable);
    expect(reasons).toEqual([expect.stringContaining("no answer within 20 ms")]);
  });

  it("does not ask about nothing", async () => {
    const { desk, calls } = deskWith(() => Promise.reject(new Error("down")));
    expect(await desk.peek([])).toEqual([]);
    await desk.reset([]);
    await desk.override([]);
    expect(calls).toEqual([]);
  });
});
