import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import {
  StreamableHTTPClientTransport,
  StreamableHTTPError,
} from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { members, numbers } from "../support/fields.ts";
import { newAddress, useGateway } from "../support/gateway.ts";
import { startMcpServer } from "../support/mcp-server.ts";

const mcp = await startMcpServer();
afterAll(() => mcp.close());

const gateway = useGateway({
  ORIGIN: mcp.url,
  POLICIES: [
    tools("tool", "/mcp", { search: "1/minute", "*": "50/minute" }),
    { name: "prompt", match: "/mcp", key: "header:authorization + mcp:prompt", limit: "2/minute" },
    tools("soon", "/mcp/soon", { search: "1/2s" }),
    { name: "address", match: "POST /mcp/guarded", key: "ip", limit: "4/minute" },
    { name: "first", match: ["/cheap", "/both"], key: "ip", limit: "1/minute" },
    tools("then", "/both", { "*": "50/minute" }),
    { name: "order", match: "/orders", key: "body:/customer", limit: "1/minute" },
  ],
});

function tools(name: string, match: string, limit: Readonly<Record<string, string>>) {
  return { name, match, key: "header:authorization + mcp:tool", limit: { by: "mcp:tool", ...limit } };
}

describe("a tool that is out of room", () => {
  it("fails for the calling program with the seconds to wait, and is called again after them", async () => {
    const { client, transport } = await connect({ path: "/mcp/soon" });
    const session = transport.sessionId;
    expect(await textOf(client.callTool({ name: "search" }))).toBe("search is done");
    const { error, refusal } = await refused(client.callTool({ name: "search" }));
    expect(error.code).toBe(429);
    const seconds = refusal.error.data.retry_after_seconds;
    expect([1, 2]).toContain(seconds);
    expect(refusal.error.code).toBe(-32029);
    expect(refusal.error.message).toContain(`try again in ${seconds} second`);
    expect(refusal.error.data["violated-policies"]).toEqual(["soon"]);

    expect(await textOf(client.callTool({ name: "other" }))).toBe("other is done");
    await sleep(seconds * 1_000);
    expect(await textOf(client.callTool({ name: "search" }))).toBe("search is done");
    expect(session).toMatch(/./);
    expect(transport.sessionId).toBe(session);
  });

  it("is refused with the id of the call, and the wait also as a field", async () => {
    const { client, answers } = await connect();
    await client.callTool({ name: "search" });
    const { refusal } = await refused(client.callTool({ name: "search" }));
    const { sent, response } = lastRefused(answers);
    expect(sent).toMatchObject({ method: "tools/call", id: expect.any(Number) });
    expect(refusal.id).toBe(sent?.id);
    expect(numbers(response).retryAfter).toBe(refusal.error.data.retry_after_seconds);
    expect(response.headers.get("content-type")).toBe("application/json");
  });

  it("never reaches the server", async () => {
    const { client } = await connect();
    await client.callTool({ name: "search" });
    const before = mcp.called.length;
    await refused(client.callTool({ name: "search" }));
    expect(mcp.called.length).toBe(before);
  });

  it("leaves the session, its other tools, its prompts and its lists alone", async () => {
    const { client, transport } = await connect();
    const session = transport.sessionId;
    await client.callTool({ name: "search" });
    await refused(client.callTool({ name: "search" }));
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(["search", "other", "slow"]);
    expect(await textOf(client.callTool({ name: "other" }))).toBe("other is done");
    expect((await client.getPrompt({ name: "search" })).messages).toHaveLength(1);
    await client.ping();
    expect([transport.sessionId, mcp.hasSession(session)]).toEqual([session, true]);
  });

  it.each(["Search", " search "])("is the same tool as %j", async (name) => {
    const { client } = await connect();
    // The server knows no tool of that name, but some would.
    await client.callTool({ name });
    await refused(client.callTool({ name: "search" }));
  });

  it("is another one for another user, in whatever session", async () => {
    const user = newUser();
    await (await connect({ user })).client.callTool({ name: "search" });
    await refused((await connect({ user })).client.callTool({ name: "search" }));
    expect(await textOf((await connect()).client.callTool({ name: "search" }))).toBe("search is done");
  });
});

describe("a prompt with the name of a tool", () => {
  it("is counted for itself", async () => {
    const { client } = await connect();
    await client.callTool({ name: "search" });
    await client.getPrompt({ name: "search" });
    await client.getPrompt({ name: "search" });
    const prompt = await refused(client.getPrompt({ name: "search" }));
    expect(prompt.refusal.error.data["violated-policies"]).toEqual(["prompt"]);
    const tool = await refused(client.callTool({ name: "search" }));
    expect(tool.refusal.error.data["violated-policies"]).toEqual(["tool"]);
  });

  it("uses nothing up of the tool", async () => {
    const { client } = await connect();
    await client.getPrompt({ name: "search" });
    expect(await textOf(client.callTool({ name: "search" }))).toBe("search is done");
  });
});

describe("what calls no tool", () => {
  it("is not limited by tools: not setting up, notifications, lists, the event stream, nor the end", async () => {
    const { client, transport, answers } = await connect();
    await client.listTools();
    await client.listPrompts();
    await client.sendRootsListChanged();
    await client.callTool({ name: "other" });
    await client.getPrompt({ name: "search" });
    await expect.poll(() => answers.map(({ method }) => method)).toContain("GET");
    await transport.terminateSession();
    const policies = answers.map(({ method, sent, response }) => [
      sent?.method ?? method,
      members(response, "RateLimit").map(([name]) => name),
    ]);
    expect(Object.fromEntries(policies)).toEqual({
      initialize: [],
      "notifications/initialized": [],
      GET: [],
      "tools/list": [],
      "prompts/list": [],
      "notifications/roots/list_changed": [],
      "tools/call": ["tool"],
      "prompts/get": ["prompt"],
      DELETE: [],
    });
  });
});

describe("a session", () => {
  it("streams progress before the result", async () => {
    const { client } = await connect();
    const progress: number[] = [];
    // The tool has no result before the test has seen its progress.
    const result = client.callTool({ name: "slow" }, undefined, {
      onprogress: (step) => {
        progress.push(step.progress);
        if (step.progress === 2) mcp.finishSlow();
      },
    });
    expect(await textOf(result)).toBe("slow is done");
    expect(progress).toEqual([1, 2]);
  });

  it("lets the server ask the client over the event stream, also while a tool is out of room", async () => {
    const { client, transport, answers } = await connect();
    await expect.poll(() => answers.map(({ method }) => method)).toContain("GET");
    await client.callTool({ name: "search" });
    await refused(client.callTool({ name: "search" }));
    expect(await mcp.ping(transport.sessionId)).toEqual({});
  });

  it("ends when the client ends it", async () => {
    const { client, transport } = await connect();
    const session = transport.sessionId;
    expect(mcp.hasSession(session)).toBe(true);
    await transport.terminateSession();
    expect(mcp.hasSession(session)).toBe(false);
    await client.close();
  });
});

describe("an address that is out of room", () => {
  it("fails for the calling program likewise, though no policy looks at its messages", async () => {
    const { client, answers } = await connect({ path: "/mcp/guarded" });
    await client.listTools();
    await client.callTool({ name: "search" });
    const { error, refusal } = await refused(client.callTool({ name: "search" }));
    expect(error.code).toBe(429);
    expect(refusal.error.data["violated-policies"]).toEqual(["address"]);
    expect(refusal.id).toBe(lastRefused(answers).sent?.id);
    // A notification has no id to answer with.
    await expect(client.sendRootsListChanged()).rejects.toMatchObject({
      code: 429,
      message: expect.stringContaining('"retry_after_seconds":'),
    });
    expect(lastRefused(answers).response.headers.get("content-type")).toBe("application/problem+json");
  });

  it("sets up no more sessions, and the calling program gets to know in the same way", async () => {
    const from = newAddress();
    // Each takes two messages.
    for (let i = 0; i < 2; i++) await connect({ from, path: "/mcp/guarded" });
    await expect(connect({ from, path: "/mcp/guarded" })).rejects.toMatchObject({
      code: 429,
      message: expect.stringContaining('"retry_after_seconds":'),
    });
  });
});

describe("a refusal by address", () => {
  const call = (id: unknown) => ({ jsonrpc: "2.0", id, method: "tools/call", params: { name: "search" } });
  const SESSION = { "Mcp-Session-Id": "s" };
  const VERSION = { "MCP-Protocol-Version": "2025-06-18" };

  /** Sends a body to one path after the other, from one address. */
  async function post(
    body: unknown,
    { paths, headers = {} }: { paths: readonly string[]; headers?: Readonly<Record<string, string>> },
  ) {
    const init = {
      method: "POST",
      from: newAddress(),
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    };
    const answers = [];
    for (const path of paths) answers.push(await gateway.send(path, init));
    expect(answers.map(({ status }) => status)).toEqual([200, ...Array(paths.length - 1).fill(429)]);
    return Promise.all(
      answers.slice(1).map(async (answer) => ({
        type: answer.headers.get("content-type"),
        body: (await answer.json()) as Record<string, unknown>,
      })),
    );
  }

  /** The first refusal is the store's, the second known before the body would be read for the tool. */
  const paths = ["/cheap", "/cheap", "/both"];

  it.each([
    ["a text", "call-7", SESSION],
    ["a number as text", "7", VERSION],
    ["an empty text", "", SESSION],
    ["a number", 7, SESSION],
    ["zero", 0, VERSION],
    ["a negative number", -1, { ...SESSION, ...VERSION }],
  ])("has the call's own id: %s", async (_, id, headers) => {
    for (const { type, body } of await post(call(id), { paths, headers })) {
      expect(type).toBe("application/json");
      expect(body).toEqual({
        jsonrpc: "2.0",
        id,
        error: {
          code: -32029,
          message: expect.stringContaining("try again in"),
          data: { retry_after_seconds: expect.any(Number), "violated-policies": ["first"] },
        },
      });
    }
  });

  it.each([
    ["a notification", { jsonrpc: "2.0", method: "notifications/cancelled" }],
    ["a call whose id is null", call(null)],
    ["a batch", [call(1), call(2)]],
    ["a batch of one", [call(1)]],
    ["an answer to the server", { jsonrpc: "2.0", id: 1, result: {} }],
    ["another version", { ...call(1), jsonrpc: "1.0" }],
    ["a call of more than 64 KiB", { ...call(1), padding: " ".repeat(64 * 1024) }],
    ["a document with an id", { id: 1, method: "by post", item: "book" }],
  ])("is a problem document for %s", async (_, body) => {
    for (const answer of await post(body, { paths, headers: { ...SESSION, ...VERSION } })) {
      expect(answer.type).toBe("application/problem+json");
      expect(answer.body).toMatchObject({ status: 429, "violated-policies": ["first"] });
      expect(answer.body).not.toHaveProperty("jsonrpc");
    }
  });

  it("is a problem document for a call without the fields of MCP, unless its body was read for a policy", async () => {
    const types = async (paths: readonly string[]) =>
      (await post(call(1), { paths })).map(({ type }) => type);
    expect(await types(paths)).toEqual(Array(2).fill("application/problem+json"));
    expect(await types(["/both", "/both"])).toEqual(["application/json"]);
  });

  it("is a problem document for a plain API, though a policy reads its bodies", async () => {
    const order = { id: 1, method: "by post", customer: newUser() };
    for (const { type, body } of await post(order, { paths: Array(3).fill("/orders") })) {
      expect(type).toBe("application/problem+json");
      expect(body).toMatchObject({ "violated-policies": ["order"] });
    }
  });
});

let users = 0;

function newUser(): string {
  users += 1;
  return `mcp-user-${users}`;
}

interface Answer {
  readonly method: string;
  /** The message, when the request had one. */
  readonly sent: { readonly id?: unknown; readonly method?: string } | undefined;
  readonly response: Response;
}

/** A client of the SDK with a session through Weir, and the answers that it got. */
async function connect({ user = newUser(), from = newAddress(), path = "/mcp" } = {}) {
  const answers: Answer[] = [];
  const transport = new StreamableHTTPClientTransport(new URL(gateway.weir.url + path), {
    requestInit: { headers: { Authorization: `Bearer ${user}`, "CF-Connecting-IP": from } },
    async fetch(url, { method = "GET", ...init } = {}) {
      const response = await fetch(url, { method, ...init });
      const sent = typeof init.body === "string" ? JSON.parse(init.body) : undefined;
      answers.push({ method, sent, response });
      return response;
    },
  });
  const client = new Client(
    { name: "test", version: "1.0.0" },
    { capabilities: { roots: { listChanged: true } } },
  );
  onTestFinished(() => client.close());
  await client.connect(transport as Transport);
  return { client, transport, answers };
}

/** The event stream is asked for meanwhile, so the last answer may be another one. */
function lastRefused(answers: readonly Answer[]): Answer {
  const last = answers.findLast(({ response }) => response.status === 429);
  if (!last) throw new Error("nothing was refused");
  return last;
}

async function textOf(result: ReturnType<Client["callTool"]>): Promise<string | undefined> {
  const { content } = (await result) as { content: readonly { readonly text?: string }[] };
  return content[0]?.text;
}

/** What a refusal says in the message of the error that the SDK throws. */
interface Refusal {
  readonly id: unknown;
  readonly error: {
    readonly code: number;
    readonly message: string;
    readonly data: {
      readonly retry_after_seconds: number;
      readonly "violated-policies": readonly string[];
    };
  };
}

/** What the calling program gets: the SDK throws the whole answer of a request that failed. */
async function refused(work: Promise<unknown>): Promise<{ error: StreamableHTTPError; refusal: Refusal }> {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof StreamableHTTPError)) throw new Error("not refused", { cause: error });
  return { error, refusal: JSON.parse(error.message.slice(error.message.indexOf("{"))) as Refusal };
}
