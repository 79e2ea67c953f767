import { describe, expect, it } from "vitest";
import { post, run, TOKEN, useLocalUpstash } from "./local-upstash.ts";

const upstash = useLocalUpstash();
const BEARER = { Authorization: `Bearer ${TOKEN}` };

describe("a command in the body", () => {
  it("is answered with its result", async () => {
    const response = await post(upstash(), "/", ["SET", "key", "value", "EX", 100]);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.text()).toBe('{"result":"OK"}');
    expect(await run(upstash(), "TTL", "key")).toEqual({ result: 100 });
  });

  it("may come by PUT", async () => {
    expect(await json("/", { method: "PUT", body: '["ECHO","hello"]' })).toEqual({ result: "hello" });
  });

  it("is 400 with the error of Redis when Redis refuses it", async () => {
    const response = await post(upstash(), "/", ["GET"]);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: "ERR wrong number of arguments for 'get' command" });
  });

  it("keeps all digits of a number", async () => {
    const body = '["INCRBY", "key", 9007199254740993]';
    const response = await fetch(upstash().url, { method: "POST", body, headers: BEARER });
    expect(await response.text()).toBe('{"result":9007199254740993}');
  });

  it.each([
    ["no JSON", "SET key value", "ERR failed to parse command"],
    ["no list", '{"set":"key"}', "ERR failed to parse command"],
    ["a list in the list", '["SET",["key"]]', "ERR failed to parse command"],
    ["nothing", "", "ERR failed to parse command"],
    ["an empty list", "[]", "ERR empty command"],
  ])("is 400 when it is %s", async (_name, body, error) => {
    const response = await fetch(upstash().url, { method: "POST", body, headers: BEARER });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error });
  });
});

describe("a command in the path", () => {
  it.each([
    ["/set/key/value", "value", -1],
    ["/SET/key/value/EX/100", "value", 100],
    ["/set/key/value?EX=100", "value", 100],
    ["/set/key/value?NX&EX=100", "value", 100],
    ["/set/key/a%2Fb%20%F0%9F%8C%8A+c", "a/b 🌊+c", -1],
  ])("GET %s", async (path, value, ttl) => {
    expect(await json(path)).toEqual({ result: "OK" });
    expect(await json("/get/key")).toEqual({ result: value });
    expect(await json("/ttl/key")).toEqual({ result: ttl });
  });

  it.each(["POST", "PUT"])(
    "takes the body of a %s as the last argument, before those of the query",
    async (method) => {
      const body = '{"an":"object"}';
      expect(await json("/set/key?EX=100", { method, body })).toEqual({ result: "OK" });
      expect(await json("/get/key")).toEqual({ result: body });
      expect(await json("/ttl/key")).toEqual({ result: 100 });
    },
  );

  it("has no such argument when the body is empty", async () => {
    expect(await json("/ping", { method: "POST" })).toEqual({ result: "PONG" });
  });

  it("takes bytes that are not UTF-8, in the path and in the body", async () => {
    await json("/set/%FF", { method: "POST", body: new Uint8Array([0, 254, 255]) });
    const response = await fetch(`${upstash().url}/get/%FF`, {
      headers: { ...BEARER, "Upstash-Encoding": "base64" },
    });
    expect(await response.json()).toEqual({ result: Buffer.from([0, 254, 255]).toString("base64") });
  });

  it("answers HEAD without a body", async () => {
    const response = await fetch(`${upstash().url}/get/key`, { method: "HEAD", headers: BEARER });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("");
  });

  it("is 400 when there is none", async () => {
    const response = await fetch(upstash().url, { headers: BEARER });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: "ERR empty command" });
  });
});

describe("the token", () => {
  it.each([
    ["a Bearer header", "/ping", `Bearer ${TOKEN}`],
    ["a bearer header in small letters", "/ping", `bearer ${TOKEN}`],
    ["_token", `/ping?_token=${TOKEN}`, undefined],
    ["_token among arguments", `/ping?hello&_token=${TOKEN}`, undefined],
  ])("is taken from %s", async (_name, path, header) => {
    expect((await withHeader(path, header)).status).toBe(200);
  });

  it.each([
    ["missing", "/ping", undefined],
    ["wrong", "/ping", "Bearer wrong"],
    ["without Bearer", "/ping", TOKEN],
    ["wrong in _token", "/ping?_token=wrong", undefined],
    ["wrong in the header, although right in _token", `/ping?_token=${TOKEN}`, "Bearer wrong"],
  ])("is refused when it is %s", async (_name, path, header) => {
    const response = await withHeader(path, header);
    expect(response.status).toBe(401);
    expect(await response.json()).toEqual({ error: "WRONGPASS invalid or missing auth token" });
    expect(await upstash().commandStats()).not.toHaveProperty("ping");
  });

  it("is no argument of the command", async () => {
    const response = await withHeader(`/echo/hello?_token=${TOKEN}`, undefined);
    expect(await response.json()).toEqual({ result: "hello" });
  });
});

describe("other methods", () => {
  it.each(["DELETE", "PATCH", "OPTIONS"])("%s is 405", async (method) => {
    const response = await fetch(`${upstash().url}/ping`, { method, headers: BEARER });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("HEAD, GET, POST, PUT");
  });
});

async function json(path: string, init: RequestInit = {}): Promise<unknown> {
  return await (await fetch(upstash().url + path, { ...init, headers: BEARER })).json();
}

async function withHeader(path: string, authorization: string | undefined): Promise<Response> {
  return await fetch(
    upstash().url + path,
    authorization ? { headers: { Authorization: authorization } } : {},
  );
}
