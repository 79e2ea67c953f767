import { describe, expect, it, vi } from "vitest";
import { startUpstashRest } from "../../../dev/upstash/upstash-rest.ts";
import { post, run, TOKEN, useLocalUpstash } from "./local-upstash.ts";

const upstash = useLocalUpstash();
const incr = () => post(upstash(), "/", ["INCR", "key"]);
const executed = async () => ((await upstash().commandStats()).incr ?? 0) as number;
const QUOTA = { error: expect.stringMatching(/^ERR max requests limit exceeded\. Limit: /) };

describe("faults that still give an answer", () => {
  it("delay executes and answers after the time", async () => {
    upstash().faults.set({ kind: "delay", ms: 150 });
    const start = performance.now();
    expect(await (await incr()).json()).toEqual({ result: 1 });
    expect(performance.now() - start).toBeGreaterThan(140);
  });

  it.each([
    ["unauthorized", 401, { error: "WRONGPASS invalid or missing auth token" }],
    ["too-many", 429, QUOTA],
    ["quota", 400, QUOTA],
  ] as const)("%s answers %i without executing", async (kind, status, body) => {
    upstash().faults.set({ kind });
    const response = await incr();
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual(body);
    expect(await executed()).toBe(0);
  });

  it("html answers 500 with a page, without executing", async () => {
    upstash().faults.set({ kind: "html" });
    const response = await incr();
    expect(response.status).toBe(500);
    expect(response.headers.get("content-type")).toContain("text/html");
    expect(await response.text()).toContain("<h1>");
    expect(await executed()).toBe(0);
  });

  it("flush-scripts makes Redis forget scripts before executing", async () => {
    const script = "#!lua flags=allow-key-locking\nreturn 1";
    const { result: digest } = (await run(upstash(), "SCRIPT", "LOAD", script)) as { result: string };
    upstash().faults.set({ kind: "flush-scripts", times: 1 });
    expect(await run(upstash(), "EVALSHA", digest, 0)).toEqual({
      error: expect.stringMatching(/^NOSCRIPT /),
    });
    expect(await run(upstash(), "EVAL", script, 0)).toEqual({ result: 1 });
    expect(await run(upstash(), "EVALSHA", digest, 0)).toEqual({ result: 1 });
  });
});

describe("faults of the connection", () => {
  it("hang never answers and does not execute", async () => {
    upstash().faults.set({ kind: "hang" });
    const signal = AbortSignal.timeout(100);
    const hanging = fetch(upstash().url, { method: "POST", body: '["INCR","key"]', headers: bearer, signal });
    await expect(hanging).rejects.toThrow("timeout");
    expect(await executed()).toBe(0);
  });

  it("drop executes and closes the connection without an answer", async () => {
    upstash().faults.set({ kind: "drop" });
    expect(await failureCode(incr())).toBe("UND_ERR_SOCKET");
    expect(await executed()).toBe(1);
  });

  it("reset breaks the connection without executing", async () => {
    upstash().faults.set({ kind: "reset" });
    expect(await failureCode(incr())).toBe("ECONNRESET");
    expect(await executed()).toBe(0);
  });

  it("half executes, announces the whole body and breaks off in its middle", async () => {
    upstash().faults.set({ kind: "half" });
    const response = await incr();
    expect(response.status).toBe(200);
    expect(response.headers.get("content-length")).toBe(String('{"result":1}'.length));
    expect(await readUntilBroken(response)).toBe('{"resu');
    expect(await executed()).toBe(1);
  });
});

it("close ends requests that hang", async () => {
  const { port } = (await run(upstash(), "CONFIG", "GET", "port").then(pairs)) as { port: string };
  const other = await startUpstashRest({ redisUrl: `redis://127.0.0.1:${port}`, token: TOKEN });
  other.faults.set({ kind: "hang" });
  const failed = post(other, "/", ["PING"]).catch(() => "failed");
  await vi.waitUntil(() => other.requests === 1);
  await other.close();
  expect(await failed).toBe("failed");
});

const bearer = { Authorization: `Bearer ${TOKEN}` };

async function failureCode(failing: Promise<unknown>): Promise<unknown> {
  const error = await failing.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof Error ? (error.cause as { code?: string } | undefined)?.code : error;
}

async function readUntilBroken(response: Response): Promise<string> {
  let text = "";
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let part = await reader?.read(); part?.done === false; part = await reader?.read())
      text += part.value;
  } catch {
    return text;
  }
  return `${text} and no more, but unbroken`;
}

function pairs(answer: unknown): Record<string, string> {
  const { result } = answer as { result: string[] };
  return { [result[0] ?? ""]: result[1] ?? "" };
}
