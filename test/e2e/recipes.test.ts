import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse } from "smol-toml";
import { afterAll, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { members, numbers } from "../support/fields.ts";
import { newAddress, type Send, useGateway } from "../support/gateway.ts";
import { signWithSecret, startIssuer } from "../support/issuer.ts";

const page = readFileSync(resolve(import.meta.dirname, "../../docs/recipes.md"), "utf8");

/** The variables of a recipe, as they stand under its heading. */
function recipe(heading: string): Record<string, unknown> {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? "";
  const [, toml = ""] = /```toml\n(.*?)```/s.exec(section) ?? [];
  return parse(toml).vars as Record<string, unknown>;
}

type Init = NonNullable<Parameters<Send>[1]>;

async function statuses(send: Send, times: number, path: string, init: Init): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < times; i++) found.push((await send(path, init)).status);
  return found;
}

const issuer = await startIssuer();
afterAll(() => issuer.close());
const SECRET = "a secret of the login server";
const withToken = (token: string): Init => ({ headers: { Authorization: `Bearer ${token}` } });
const json = (body: unknown): Init => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

it("every recipe is tried here", () => {
  const headings = [...page.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
  expect(headings).toEqual([
    "Chat API",
    "MCP gateway",
    "Login protection",
    "Plans by token",
    "LLM tokens per minute",
    "API keys",
    "WebSocket application",
    "What other clients get",
  ]);
});

describe("Chat API", () => {
  const { send } = useGateway(recipe("Chat API"));

  it("limits each user, and each address whoever it says it is", async () => {
    const from = newAddress();
    const as = (user: string): Init => ({
      method: "POST",
      from,
      headers: { "X-User-Id": `${from}-${user}` },
    });
    expect(await statuses(send, 6, "/chat/message", as("a"))).toEqual([200, 200, 200, 200, 200, 429]);
    for (const user of "bcdef") await statuses(send, 5, "/chat/message", as(user));
    expect(await statuses(send, 1, "/chat/message", as("g"))).toEqual([429]);
    expect(await statuses(send, 1, "/chat/history", { from })).toEqual([200]);
  });
});

describe("MCP gateway", () => {
  const vars = recipe("MCP gateway");
  const { send } = useGateway({ ...vars, JWKS_URL: issuer.url });
  const sign = (claims: object) =>
    issuer.sign({ iss: String(vars.JWT_ISSUER), aud: String(vars.JWT_AUDIENCE), ...claims });
  const call = async (claims: object, method: string, name: string) => {
    const { headers, ...rest } = json({ jsonrpc: "2.0", id: 7, method, params: { name } });
    return send("/mcp", { ...rest, headers: { ...headers, ...withToken(await sign(claims)).headers } });
  };

  it("limits each user's tools by themselves, and answers in JSON-RPC", async () => {
    const user = { sub: "ann", tenant: "acme" };
    for (let i = 0; i < 5; i++) expect((await call(user, "tools/call", "Run-Query")).status).toBe(200);
    const refused = await call(user, "tools/call", "run-query");
    expect([refused.status, refused.headers.get("content-type")]).toEqual([429, "application/json"]);
    const { retryAfter = 0 } = numbers(refused);
    expect(await refused.json()).toEqual({
      jsonrpc: "2.0",
      id: 7,
      error: {
        code: -32029,
        message: `Limit of 5 requests per minute reached; try again in ${retryAfter} seconds.`,
        data: { retry_after_seconds: retryAfter, "violated-policies": ["tool"] },
      },
    });
    expect((await call(user, "tools/call", "search")).status).toBe(200);
    expect((await call({ ...user, sub: "bob" }, "tools/call", "run-query")).status).toBe(200);
  });

  it("counts users and tenants for every call, tools and prompts only for theirs", async () => {
    const user = { sub: "eve", tenant: "evil" };
    const names = async (method: string) =>
      members(await call(user, method, "x"), "RateLimit").map(([name]) => name);
    expect(await names("tools/list")).toEqual(["user", "tenant"]);
    expect(await names("tools/call")).toEqual(["user", "tenant", "tool"]);
    expect(await names("prompts/get")).toEqual(["user", "tenant", "prompt"]);
    const anonymous = await send("/mcp", json({ jsonrpc: "2.0", id: 1, method: "tools/list" }));
    expect(members(anonymous, "RateLimit").map(([name]) => name)).toEqual(["user"]);
  });
});

describe("Login protection", () => {
  const { send } = useGateway(recipe("Login protection"));
  const login = (from: string, email: string, password: string) => ({ ...json({ email, password }), from });

  it("never counts who gets in", async () => {
    const from = newAddress();
    expect(await statuses(send, 12, "/login", login(from, "in@example.com", "right"))).toEqual(
      Array(12).fill(200),
    );
  });

  it("admits no more than five failures for an account, from wherever they come, also in parallel", async () => {
    const guess = () => send("/login?wait=100", login(newAddress(), "guessed@example.com", "wrong"));
    const answers = await Promise.all(Array.from({ length: 10 }, guess));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(5);
  });

  it("locks an address out that goes on", async () => {
    const from = newAddress();
    const answers = [];
    for (let i = 0; i < 16; i++)
      answers.push(await send("/login", login(from, `${from}-${i}@x.example`, "wrong")));
    expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(401), ...Array(6).fill(429)]);
    const types = await Promise.all(
      answers.slice(10).map(async (answer) => ((await answer.json()) as { type: string }).type.split("#")[1]),
    );
    expect(types).toEqual([
      ...Array(4).fill("quota-exceeded"),
      "abnormal-usage-detected",
      "abnormal-usage-detected",
    ]);
    expect(numbers(answers[14] as Response).retryAfter).toBe(900);
  });
});

describe("Plans by token", () => {
  const vars = recipe("Plans by token");
  const { send } = useGateway({ ...vars, JWT_SECRET: SECRET });

  it.each([
    ["free", 60],
    ["pro", 600],
    ["gold", 20],
  ])("gives the plan %s a limit of %d", async (plan, limit) => {
    const token = await signWithSecret({ sub: plan, plan, iss: String(vars.JWT_ISSUER) }, SECRET);
    expect(numbers(await send("/api/x", withToken(token))).limit).toBe(limit);
  });

  it("leaves the plan enterprise unlimited, and gives others' tokens the smallest limit", async () => {
    const claims = { sub: "e", plan: "enterprise", iss: String(vars.JWT_ISSUER) };
    const token = await signWithSecret(claims, SECRET);
    expect(numbers(await send("/api/x", withToken(token))).limit).toBeUndefined();
    const forged = await signWithSecret(claims, "another secret");
    expect(numbers(await send("/api/x", withToken(forged))).limit).toBe(20);
  });
});

describe("LLM tokens per minute", () => {
  const { send } = useGateway(recipe("LLM tokens per minute"));
  const remaining = (response: Response) =>
    members(response, "RateLimit").find(([name]) => name === "llm-tokens")?.[1].r;

  it.each([0, 3])("counts what was used, with %d events", async (events) => {
    const init = { method: "POST", headers: { Authorization: `Bearer key-${events}` } };
    const first = await send(`/v1/chat?tokens=120&events=${events}`, init);
    expect([first.status, remaining(first)]).toEqual([200, 500]);
    expect(await first.text()).toContain('"total_tokens":120');
    // The settlement follows the response's end.
    await expect.poll(async () => remaining(await send("/v1/chat?tokens=0", init))).toBe(1_000 - 120 - 500);
  });

  it("does not charge for errors, and knows a key in any spelling", async () => {
    const as = (value: string) => ({ method: "POST", headers: { Authorization: value } });
    await send("/v1/chat?tokens=100", as("Bearer spelled"));
    await expect
      .poll(async () => remaining(await send("/v1/error", as("BEARER  spelled"))))
      .toBe(1_000 - 100 - 500);
    await expect.poll(async () => remaining(await send("/v1/error", as("bearer spelled")))).toBe(400);
  });

  it("admits two at a time, and refuses the third before the model works", async () => {
    const init = { method: "POST", headers: { Authorization: "Bearer busy" } };
    const answers = await Promise.all(
      Array.from({ length: 3 }, () => send("/v1/chat?tokens=1&wait=300", init)),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 429]);
  });
});

describe("API keys", () => {
  const { send } = useGateway(recipe("API keys"));

  it("limits a key wherever it is used, and an address whatever keys it makes up", async () => {
    const [from, elsewhere] = [newAddress(), newAddress()];
    const withKey = (key: string, from: string): Init => ({ from, headers: { "X-Api-Key": key } });
    const answers = await Promise.all([
      ...Array.from({ length: 50 }, () => send("/api/x", withKey("known", from))),
      ...Array.from({ length: 51 }, () => send("/api/x", withKey("known", elsewhere))),
    ]);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(1);
    const made = await Promise.all(
      Array.from({ length: 300 }, (_, i) => send("/api/x", withKey(`${from}-${i}`, from))),
    );
    expect(made.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(250);
    expect((await send("/api/x", withKey(`${from}-new`, from))).status).toBe(429);
    const plain = await send("/api/x", { from: newAddress() });
    expect(members(plain, "RateLimit").map(([name]) => name)).toEqual(["api-ip"]);
  });
});

describe("WebSocket application", () => {
  const gateway = useGateway({ ...recipe("WebSocket application"), JWT_SECRET: SECRET });

  /** Opens a socket for a user: the socket, or the status of the refusal. */
  async function open(user: string): Promise<WebSocket | number> {
    const headers = { Authorization: `Bearer ${await signWithSecret({ sub: user }, SECRET)}` };
    const socket = new WebSocket(`${gateway.weir.url.replace("http", "ws")}/ws`, { headers });
    return new Promise((done) => {
      socket.on("open", () => done(socket));
      socket.on("unexpected-response", (_, response) => {
        done(response.statusCode ?? 0);
        response.destroy();
      });
    });
  }

  it("refuses the sixth socket of a user, and the 101st message over all of them", async () => {
    const opened = [];
    for (let i = 0; i < 6; i++) opened.push(await open("ann"));
    expect(opened[5]).toBe(429);
    const sockets = opened.filter((one) => typeof one !== "number");
    expect(sockets).toHaveLength(5);
    const received: string[] = [];
    for (const socket of sockets) socket.on("message", (data) => received.push(String(data)));
    for (let i = 0; i < 101; i++) sockets[i % 5]?.send(`message ${i}`);
    await expect.poll(() => received.length).toBe(101);
    const refused = received.filter((text) => text.startsWith("{"));
    expect(refused.map((text) => JSON.parse(text))).toEqual([
      { type: "rate_limited", policy: "messages", retry_after_seconds: expect.any(Number) },
    ]);
    for (const socket of sockets) socket.terminate();
  });

  it("limits requests with a burst of ten, but neither health checks nor files", async () => {
    const from = newAddress();
    expect(await statuses(gateway.send, 11, "/page", { from })).toEqual([...Array(10).fill(200), 429]);
    expect(await statuses(gateway.send, 3, "/health", { from })).toEqual([200, 200, 200]);
    expect(await statuses(gateway.send, 3, "/static/app.js", { from })).toEqual([200, 200, 200]);
  });
});
