import { describe, expect, it } from "vitest";
import { post, run, useLocalUpstash } from "./local-upstash.ts";

const upstash = useLocalUpstash();

describe.each(["/pipeline", "/multi-exec"])("%s", (path) => {
  it("answers each command, errors of Redis included, with 200", async () => {
    const response = await post(upstash(), path, [
      ["SET", "key", "valuex"],
      ["INCR", "key"],
      ["ZADD", "set", 11, "item1", 22, "item2"],
    ]);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual([
      { result: "OK" },
      { error: "ERR value is not an integer or out of range" },
      { result: 2 },
    ]);
  });

  it("runs the commands in order", async () => {
    const commands = Array.from({ length: 200 }, (_, index) => ["APPEND", "key", `${index},`]);
    const response = await post(upstash(), path, [...commands, ["GET", "key"]]);
    const entries = (await response.json()) as { result: unknown }[];
    expect(entries.at(-1)?.result).toBe(Array.from({ length: 200 }, (_, index) => `${index},`).join(""));
  });

  it.each([
    ["no JSON", "nothing", "ERR failed to parse pipeline request"],
    ["one command only", ["GET", "key"], "ERR failed to parse pipeline request"],
    ["empty", [], "ERR empty pipeline request"],
  ])("is 400 when it is %s", async (_name, body, error) => {
    const response = await post(upstash(), path, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error });
  });
});

describe("/pipeline", () => {
  it("runs the others when one command is refused", async () => {
    const response = await post(upstash(), "/pipeline", [
      ["SET", "a", "1"],
      ["NOSUCH"],
      ["MULTI"],
      [],
      ["INCR", "a"],
    ]);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual([
      { result: "OK" },
      { error: expect.stringContaining("ERR Command is not available: 'NOSUCH'") },
      { error: expect.stringContaining('ERR Command "MULTI" is not allowed') },
      { error: "ERR empty pipeline command" },
      { result: 2 },
    ]);
  });
});

describe("/multi-exec", () => {
  it.each([
    ["unknown to Redis", ["NOSUCH"], "ERR Command is not available: 'NOSUCH'"],
    ["of the wrong form", ["GET"], "ERR wrong number of arguments for 'get' command"],
    ["not for REST", ["WATCH", "key"], 'ERR Command "WATCH" is not allowed'],
  ])("runs none when one command is %s", async (_name, command, error) => {
    const response = await post(upstash(), "/multi-exec", [["SET", "key", "value"], command]);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: expect.stringContaining(error) });
    expect(await run(upstash(), "GET", "key")).toEqual({ result: null });
  });

  it("lets nothing come in between, not other transactions and not single commands", async () => {
    const twice = [
      ["INCR", "key"],
      ["INCR", "key"],
    ];
    const transactions = Array.from({ length: 40 }, () => post(upstash(), "/multi-exec", twice));
    const singles = Array.from({ length: 40 }, () => run(upstash(), "INCR", "key"));
    for (const response of await Promise.all(transactions)) {
      const [first, second] = (await response.json()) as { result: number }[];
      expect(second?.result).toBe((first?.result ?? 0) + 1);
    }
    await Promise.all(singles);
    expect(await run(upstash(), "GET", "key")).toEqual({ result: "120" });
  });

  it("keeps working after a refused transaction", async () => {
    await post(upstash(), "/multi-exec", [["NOSUCH"]]);
    const response = await post(upstash(), "/multi-exec", [["PING"]]);
    expect(await response.json()).toEqual([{ result: "PONG" }]);
  });
});

describe("counters", () => {
  it("count HTTP calls, and the commands that Redis ran", async () => {
    await run(upstash(), "GET", "key");
    await post(upstash(), "/pipeline", [
      ["GET", "key"],
      ["EVAL", "redis.call('GET', KEYS[1]) redis.call('TIME')", 1, "key"],
      ["SCRIPT", "LOAD", "return 1"],
    ]);
    expect(upstash().requests).toBe(2);
    expect(await upstash().commandStats()).toMatchObject({ get: 3, eval: 1, time: 1, "script|load": 1 });
  });

  it("start again after resetStats", async () => {
    await run(upstash(), "GET", "key");
    await upstash().resetStats();
    expect(upstash().requests).toBe(0);
    expect(await upstash().commandStats()).not.toHaveProperty("get");
  });
});
