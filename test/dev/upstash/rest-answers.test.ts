import { describe, expect, it } from "vitest";
import { startRedis } from "../../../dev/upstash/redis-server.ts";
import { startUpstashRest } from "../../../dev/upstash/upstash-rest.ts";
import { post, run, TOKEN, useLocalUpstash } from "./local-upstash.ts";

const upstash = useLocalUpstash();

describe("results", () => {
  it.each([
    ["null", ["GET", "nothing"], "null"],
    ["an integer", ["INCR", "counter"], "1"],
    ["an integer of 64 bits", ["INCRBY", "counter", "9223372036854775807"], "9223372036854775807"],
    ["a string", ["ECHO", 'a "quoted" \u0000 🌊'], JSON.stringify('a "quoted" \u0000 🌊')],
    ["a status", ["PING"], '"PONG"'],
    ["an empty list", ["LRANGE", "nothing", "0", "-1"], "[]"],
    ["nested lists", ["EVAL", "return {1,{'a',{false,'b'}},{}}", 0], '[1,["a",[null,"b"]],[]]'],
    ["a float, which Redis gives as a string", ["INCRBYFLOAT", "float", "0.5"], '"0.5"'],
  ])("%s", async (_name, command, result) => {
    expect(await (await post(upstash(), "/", command)).text()).toBe(`{"result":${result}}`);
  });

  it("puts U+FFFD in place of bytes that are not UTF-8", async () => {
    expect(await run(upstash(), "EVAL", "return string.char(255)", 0)).toEqual({ result: "\uFFFD" });
  });
});

describe("Upstash-Encoding: base64", () => {
  it.each([
    ["strings", ["ECHO", "bar"], { result: "YmFy" }],
    ["a status", ["PING"], { result: "UE9ORw==" }],
    ["bytes", ["EVAL", "return string.char(0,255)", 0], { result: "AP8=" }],
    ["strings in lists", ["EVAL", "return {'a',{'b'},1,false}", 0], { result: ["YQ==", ["Yg=="], 1, null] }],
    ["OK in lists, where clients decode everything", ["EVAL", "return {'OK'}", 0], { result: ["T0s="] }],
  ])("encodes %s", async (_name, command, answer) => {
    expect(await encoded("/", command)).toEqual(answer);
  });

  it.each([
    ["OK", ["SET", "key", "value"], { result: "OK" }],
    ["integers", ["INCR", "counter"], { result: 1 }],
    ["null", ["GET", "nothing"], { result: null }],
    ["errors", ["GET"], { error: "ERR wrong number of arguments for 'get' command" }],
  ])("leaves %s", async (_name, command, answer) => {
    expect(await encoded("/", command)).toEqual(answer);
  });

  it.each(["/pipeline", "/multi-exec"])("applies to %s", async (path) => {
    const commands = [
      ["SET", "key", "value"],
      ["GET", "key"],
    ];
    expect(await encoded(path, commands)).toEqual([{ result: "OK" }, { result: "dmFsdWU=" }]);
  });

  async function encoded(path: string, body: unknown): Promise<unknown> {
    return await (await post(upstash(), path, body, { "Upstash-Encoding": "base64" })).json();
  }
});

describe("Upstash-Sync-Token", () => {
  it("comes with every answer, new each time, also to a request that carries one", async () => {
    const first = await syncToken();
    const second = await syncToken({ "Upstash-Sync-Token": first });
    expect(first).not.toBe("");
    expect(second).not.toBe(first);
  });

  async function syncToken(headers: Record<string, string> = {}): Promise<string> {
    return (await post(upstash(), "/", ["PING"], headers)).headers.get("Upstash-Sync-Token") ?? "";
  }
});

describe("refusals", () => {
  it.each(["MULTI", "exec", "WATCH", "SELECT", "AUTH", "SUBSCRIBE", "MONITOR", "BLPOP", "SHUTDOWN"])(
    "%s, which would touch the shared connection, is 400",
    async (name) => {
      const response = await post(upstash(), "/", [name, "0", "0"]);
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({
        error: `ERR Command "${name.toUpperCase()}" is not allowed in REST or it has a special context path`,
      });
    },
  );

  it("XREAD is refused only when it blocks", async () => {
    expect(await run(upstash(), "XREAD", "COUNT", 1, "STREAMS", "block", "0")).toEqual({ result: null });
    expect(await run(upstash(), "XREAD", "BLOCK", 0, "STREAMS", "key", "0")).toHaveProperty("error");
  });

  it("an unknown command has Upstash's text", async () => {
    const { error } = (await run(upstash(), "nosuch", "key")) as { error: string };
    expect(error).toMatch(/^ERR Command is not available: 'NOSUCH'\. See https:/);
  });

  it("a response format other than JSON is refused, not ignored", async () => {
    const response = await post(upstash(), "/", ["PING"], { "Upstash-Response-Format": "resp2" });
    expect(response.status).toBe(400);
  });
});

describe("without Redis", () => {
  it("requests are answered with 500 at once", async () => {
    const redis = await startRedis();
    const alone = await startUpstashRest({ redisUrl: redis.url, token: TOKEN });
    await redis.stop();
    const response = await post(alone, "/", ["PING"]);
    expect(response.status).toBe(500);
    expect(await response.json()).toHaveProperty("error");
    await alone.close();
  });

  it("requests are answered again once it is back, with its scripts lost", async () => {
    const redis = await startRedis();
    const alone = await startUpstashRest({ redisUrl: redis.url, token: TOKEN });
    const { result: digest } = (await run(alone, "SCRIPT", "LOAD", "return 1")) as { result: string };
    await redis.stop();
    const restarted = await startRedis({ port: redis.port });
    await expect.poll(() => run(alone, "PING"), { timeout: 3_000 }).toEqual({ result: "PONG" });
    expect(await run(alone, "EVALSHA", digest, 0)).toEqual({ error: expect.stringMatching(/^NOSCRIPT /) });
    await alone.close();
    await restarted.stop();
  });

  it("the server does not start", async () => {
    const { url, stop } = await startRedis();
    await stop();
    await expect(startUpstashRest({ redisUrl: url, token: TOKEN })).rejects.toThrow("ECONNREFUSED");
  });
});
