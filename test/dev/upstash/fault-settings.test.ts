import { describe, expect, it } from "vitest";
import { parseFault } from "../../../dev/upstash/faults.ts";
import { post, TOKEN, useLocalUpstash } from "./local-upstash.ts";

const upstash = useLocalUpstash();
const bearer = { Authorization: `Bearer ${TOKEN}` };
const incr = () => post(upstash(), "/", ["INCR", "key"]);

describe("times", () => {
  it("ends the fault after so many requests", async () => {
    upstash().faults.set({ kind: "too-many", times: 2 });
    expect(await statuses(4)).toEqual([429, 429, 200, 200]);
  });

  it("without it the fault stays until it is cleared", async () => {
    upstash().faults.set({ kind: "too-many" });
    expect(await statuses(3)).toEqual([429, 429, 429]);
    upstash().faults.clear();
    expect(await statuses(1)).toEqual([200]);
  });

  it("starts anew with each fault", async () => {
    upstash().faults.set({ kind: "too-many", times: 5 });
    await statuses(1);
    upstash().faults.set({ kind: "html", times: 1 });
    expect(await statuses(3)).toEqual([500, 200, 200]);
  });
});

describe("/__faults", () => {
  it("sets and clears from another process, and is not counted", async () => {
    expect((await post(upstash(), "/__faults", { kind: "too-many", times: 9 })).status).toBe(200);
    expect((await incr()).status).toBe(429);
    const cleared = await fetch(`${upstash().url}/__faults`, { method: "DELETE", headers: bearer });
    expect(await cleared.json()).toEqual({ fault: null });
    expect((await incr()).status).toBe(200);
    expect(upstash().requests).toBe(2);
  });

  it("works while a fault is set", async () => {
    upstash().faults.set({ kind: "hang" });
    expect((await post(upstash(), "/__faults", { kind: "html", times: 0 })).status).toBe(200);
    expect((await incr()).status).toBe(200);
  });

  it("asks for the token", async () => {
    const response = await fetch(`${upstash().url}/__faults`, { method: "POST", body: '{"kind":"html"}' });
    expect(response.status).toBe(401);
    expect((await incr()).status).toBe(200);
  });

  it.each([
    null,
    {},
    { kind: "nosuch" },
    { kind: "delay" },
    { kind: "delay", ms: -1 },
    { kind: "html", times: 0.5 },
  ])("refuses %j and says what a fault is", async (fault) => {
    const response = await post(upstash(), "/__faults", fault);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: expect.stringContaining("a fault is") });
    expect(parseFault(fault)).toBeUndefined();
  });
});

async function statuses(requests: number): Promise<number[]> {
  const all: number[] = [];
  for (let request = 0; request < requests; request += 1) all.push((await incr()).status);
  return all;
}
