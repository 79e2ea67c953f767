import { Redis, type RedisConfigNodejs } from "@upstash/redis";
import { describe, expect, it, vi } from "vitest";
import { TOKEN, useLocalUpstash } from "./local-upstash.ts";

// The real client, each feature with its own default settings.
const upstash = useLocalUpstash();
const client = (settings: Partial<RedisConfigNodejs> = {}) => {
  const { url } = upstash();
  return new Redis({ url, token: TOKEN, enableAutoPipelining: false, enableTelemetry: false, ...settings });
};

describe("commands", () => {
  it("set, get and mget give values back as they were", async () => {
    const redis = client();
    expect(await redis.set("object", { a: [1, null, "🌊"] }, { ex: 100 })).toBe("OK");
    expect(await redis.get("object")).toEqual({ a: [1, null, "🌊"] });
    expect(await redis.set("number", 7)).toBe("OK");
    expect(await redis.mget("object", "nothing", "number")).toEqual([{ a: [1, null, "🌊"] }, null, 7]);
    const left = await redis.ttl("object");
    expect(left === 100 || left === 99).toBe(true);
  });

  it("set with nx gives null when the key exists", async () => {
    const redis = client();
    expect(await redis.set("key", "first", { nx: true })).toBe("OK");
    expect(await redis.set("key", "second", { nx: true })).toBeNull();
    expect(await redis.set("key", "third", { get: true })).toBe("first");
  });

  it("hashes, lists, sets and sorted sets have their shapes", async () => {
    const redis = client();
    await redis.hset("hash", { name: "gate", price: 120 });
    expect(await redis.hgetall("hash")).toEqual({ name: "gate", price: 120 });
    expect(await redis.hincrby("hash", "price", 5)).toBe(125);
    expect(await redis.rpush("list", "a", "b")).toBe(2);
    expect(await redis.lrange("list", 0, -1)).toEqual(["a", "b"]);
    expect(await redis.sadd("set", "a", "a")).toBe(1);
    await redis.zadd("sorted", { score: 1.5, member: "a" }, { score: 2, member: "b" });
    expect(await redis.zrange("sorted", 0, -1, { withScores: true })).toEqual(["a", 1.5, "b", 2]);
    const [cursor, keys] = await redis.scan(0, { match: "s*" });
    expect([cursor, keys.sort()]).toEqual(["0", ["set", "sorted"]]);
  });

  it("incr counts exactly under concurrency", async () => {
    const redis = client();
    const counts = await Promise.all(Array.from({ length: 100 }, () => redis.incr("counter")));
    expect(counts.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
  });

  it("errors are thrown with the text of Redis", async () => {
    const redis = client();
    await redis.set("key", "value");
    await expect(redis.incr("key")).rejects.toThrow("ERR value is not an integer or out of range");
    await expect(client({ token: "wrong" }).get("key")).rejects.toThrow(
      "WRONGPASS invalid or missing auth token",
    );
  });
});

describe.each([
  ["base64, the default", undefined],
  ["no encoding", false as const],
])("strings with %s", (_name, responseEncoding) => {
  it.each([
    "",
    "OK",
    "T0s=",
    "null",
    "1e3",
    "007",
    "12345678901234567890",
    "äöü 🌊 \u0000\r\n\\",
    '{"a":1}',
    "+OK\r\n",
  ])("%j comes back as it was", async (text) => {
    const redis = client({
      automaticDeserialization: false,
      ...(responseEncoding === false ? { responseEncoding } : {}),
    });
    await redis.set("key", text);
    expect(await redis.get("key")).toBe(text);
    expect(await redis.mget("key", "nothing")).toEqual([text, null]);
    expect(await redis.pipeline().get("key").exec()).toEqual([text]);
  });
});

describe("batches", () => {
  it("pipeline is one request", async () => {
    const results = await client().pipeline().set("key", 1).incr("key").get("key").exec();
    expect(results).toEqual(["OK", 2, 2]);
    expect(upstash().requests).toBe(1);
  });

  it("multi runs all or none", async () => {
    const redis = client();
    expect(await redis.multi().set("key", 1).incr("key").exec()).toEqual(["OK", 2]);
    const discarded = redis.multi().set("key", 9);
    // @ts-expect-error a command without its arguments, which Redis refuses to queue
    await expect(discarded.get().exec()).rejects.toThrow("ERR wrong number of arguments");
    expect(await redis.get("key")).toBe(2);
    expect(await upstash().commandStats()).toMatchObject({ multi: 2, exec: 2 });
  });

  it("auto-pipelining makes one request of writes made together, and one of reads", async () => {
    const redis = client({ enableAutoPipelining: true });
    expect(await Promise.all([redis.set("a", 1), redis.incr("a"), redis.incr("a")])).toEqual(["OK", 2, 3]);
    expect(upstash().requests).toBe(1);
    expect(await Promise.all([redis.get("a"), redis.get("nothing"), redis.exists("a")])).toEqual([
      3,
      null,
      1,
    ]);
    expect(upstash().requests).toBe(2);
  });
});

describe("scripts", () => {
  const script = "#!lua flags=allow-key-locking\nreturn {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}";

  it("eval, scriptLoad, evalsha, scriptExists and scriptFlush", async () => {
    const redis = client();
    expect(await redis.eval(script, ["key"], ["a"])).toEqual(["key", "a", 1]);
    const digest = await redis.scriptLoad(script);
    expect(await redis.evalsha(digest, ["key"], ["b"])).toEqual(["key", "b", 2]);
    expect(await redis.scriptExists(digest, "0".repeat(40))).toEqual([1, 0]);
    expect(await redis.scriptFlush()).toBe("OK");
    await expect(redis.evalsha(digest, ["key"], ["c"])).rejects.toThrow("NOSCRIPT");
  });

  it("createScript falls back from EVALSHA to EVAL once", async () => {
    const made = client().createScript<[string, string, number]>(script);
    expect(await made.exec(["key"], ["a"])).toEqual(["key", "a", 1]);
    expect(await made.exec(["key"], ["b"])).toEqual(["key", "b", 2]);
    expect(upstash().requests).toBe(3);
  });
});

describe("readYourWrites", () => {
  it("sends the sync token of the last answer along", async () => {
    const redis = client();
    const fetched = vi.spyOn(globalThis, "fetch");
    await redis.set("key", "value");
    await redis.get("key");
    const answered = await fetched.mock.results[0]?.value;
    const sent = new Headers(fetched.mock.calls[1]?.[1]?.headers);
    expect(sent.get("upstash-sync-token")).toBe(answered.headers.get("upstash-sync-token"));
    expect(sent.get("upstash-sync-token")).not.toBe("");
    fetched.mockRestore();
  });
});
