import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { createDemoOrigin, type DemoOrigin, startDemoOrigin } from "../../dev/demo-origin.ts";
import { connect, type SocketClient } from "../support/socket-client.ts";

const app = createDemoOrigin({ streamPauseMs: 1 });

describe("the demo page", () => {
  it("is served as HTML under a policy that lets it load nothing from elsewhere", async () => {
    const response = await app.request("/");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/html; charset=UTF-8");
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(await response.text()).toContain("Send fifty");
  });

  it("names no other server and never writes data as HTML", async () => {
    const page = await (await app.request("/")).text();
    expect(page).not.toMatch(/(?:src|href)=["'](?!data:)/);
    expect(page).toContain("Close the newest");
    expect(page).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write/);
  });
});

describe("the JSON endpoints", () => {
  it("GET /api/time tells the time", async () => {
    const { time } = await json(await app.request("/api/time"));
    expect(Math.abs(Date.now() - Date.parse(String(time)))).toBeLessThan(5_000);
  });

  it("GET /api/items lists items, and each has a page of its own", async () => {
    const { items } = await json(await app.request("/api/items"));
    expect(items).toHaveLength(3);
    expect(await json(await app.request("/api/items/2"))).toMatchObject({ id: 2, name: "fish ladder" });
  });

  it("GET /api/items/:id answers 404 for an item that does not exist", async () => {
    expect((await app.request("/api/items/99")).status).toBe(404);
  });

  it("GET /health says ok", async () => {
    expect(await json(await app.request("/health"))).toEqual({ status: "ok", openStreams: 0 });
  });
});

describe("POST /chat/message", () => {
  it.each([
    ["no body", undefined, "Say something."],
    ["JSON with a message", '{"message":"Hello"}', "You said: Hello"],
    ["JSON without a message", "[1]", "You said: [1]"],
    ["plain text", "Hello", "You said: Hello"],
    ["broken JSON", '{"message":', 'You said: {"message":'],
    ["a long text", "x".repeat(5_000), `You said: ${"x".repeat(200)}`],
  ])("answers %s", async (_name, body, answer) => {
    const response = await app.request("/chat/message", { method: "POST", body: body ?? null });
    expect(response.status).toBe(200);
    expect(await json(response)).toEqual({ user: null, answer });
  });

  it("repeats the user of X-User-Id", async () => {
    const headers = { "X-User-Id": "ada" };
    const response = await app.request("/chat/message", { method: "POST", headers });
    expect(await json(response)).toMatchObject({ user: "ada" });
  });
});

describe("the other endpoints", () => {
  it("GET /redirect leads to the page", async () => {
    const response = await app.request("/redirect");
    expect(response.status).toBe(302);
    expect(response.headers.get("location")).toBe("/");
  });

  it.each(["POST", "PUT"])("%s /echo returns the upload with its type", async (method) => {
    const body = new Uint8Array([0, 255, 10, 13]);
    const headers = { "Content-Type": "image/x-test" };
    const response = await app.request("/echo", { method, body, headers });
    expect(response.headers.get("content-type")).toBe("image/x-test");
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(body);
  });

  it("POST /echo of nothing returns nothing", async () => {
    const response = await app.request("/echo", { method: "POST" });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("");
  });

  it("GET /stream sends 25 lines", async () => {
    const lines = (await (await app.request("/stream")).text()).trim().split("\n");
    expect(lines).toHaveLength(25);
    expect(lines.at(-1)).toBe("line 25 of 25");
  });
});

describe("the WebSocket of /chat/socket", () => {
  it("greets, then answers text as POST /chat/message would, and returns bytes as they are", async () => {
    const socket = await opened(await started());
    socket.send("Hello", '{"message":"Hello"}', "", "x".repeat(5_000), Buffer.from([0, 255]));
    expect(await socket.receive(6)).toEqual([
      "Welcome.",
      "You said: Hello",
      "You said: Hello",
      "Say something.",
      `You said: ${"x".repeat(200)}`,
      Buffer.from([0, 255]),
    ]);
    expect(await socket.close(1000, "bye")).toEqual({ code: 1000, reason: "bye" });
  });

  it("is closed by a message above 64 KiB", async () => {
    const socket = await opened(await started());
    socket.send("x".repeat(64 * 1024 + 1));
    expect((await socket.closed).code).toBe(1009);
  });

  it("says 426 to a request that is none", async () => {
    const response = await app.request("/chat/socket");
    expect(response.status).toBe(426);
    expect(response.headers.get("upgrade")).toBe("websocket");
  });

  it("is the only one", async () => {
    const { url } = await started();
    expect((await connect(`${url}/chat`)).refused?.status).toBe(404);
  });

  it("does not hold the server when that closes", async () => {
    const origin = await startDemoOrigin();
    const socket = await opened(origin);
    await expect(Promise.race([origin.close().then(() => "closed"), sleep(1_000)])).resolves.toBe("closed");
    expect((await socket.closed).code).toBe(1006);
  });
});

describe("over sockets", () => {
  it("listens on this machine only, at a free port", async () => {
    const { url } = await started();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${url}/api/time`)).status).toBe(200);
  });

  it("ends a stream early when the client leaves", async () => {
    const { url } = await started();
    const leaving = new AbortController();
    const response = await fetch(`${url}/stream`, { signal: leaving.signal });
    const first = await response.body?.getReader().read();
    expect(new TextDecoder().decode(first?.value)).toBe("line 1 of 25\n");
    expect(await openStreams(url)).toBe(1);

    leaving.abort();
    await expect.poll(() => openStreams(url), { timeout: 2_000 }).toBe(0);
  });

  it("closes at once, also while a stream is open", async () => {
    const origin = await startDemoOrigin();
    const response = await fetch(`${origin.url}/stream`);
    const reading = response.text().catch(() => "cut off");
    await expect(Promise.race([origin.close().then(() => "closed"), sleep(1_000)])).resolves.toBe("closed");
    expect(await reading).toBe("cut off");
  });

  it("says why it cannot start on a port that is taken", async () => {
    const port = Number(new URL((await started()).url).port);
    await expect(startDemoOrigin({ port })).rejects.toThrow("EADDRINUSE");
  });
});

async function started(): Promise<DemoOrigin> {
  const origin = await startDemoOrigin();
  onTestFinished(origin.close);
  return origin;
}

async function opened({ url }: DemoOrigin): Promise<SocketClient> {
  const { socket } = await connect(`${url}/chat/socket`);
  if (socket === undefined) throw new Error("the upgrade was refused");
  return socket;
}

async function openStreams(url: string): Promise<unknown> {
  return (await json(await fetch(`${url}/health`))).openStreams;
}

async function json(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>;
}
