import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";

/** What arrived of a request outside `/mcp`, which is also what that is answered with. */
export interface Arrived {
  readonly bytes: number;
  readonly sha256: string;
  readonly contentLength: string | null;
  readonly transferEncoding: string | null;
}

/** An MCP server of the official SDK under `/mcp`, with sessions. Outside it, every body is answered with what arrived. */
export interface McpOrigin {
  readonly url: string;
  /** The names of the tools that were called, oldest first. */
  readonly called: string[];
  /** How many requests outside `/mcp` arrived. */
  arrivals(): number;
  hasSession(id: string | undefined): boolean;
  /** Asks a session's client over the stream that the client opened with GET, and waits for what it answers. */
  ping(sessionId: string | undefined): Promise<unknown>;
  /** Lets the calls of `slow` come to their results. */
  finishSlow(): void;
  close(): Promise<void>;
}

interface Session {
  readonly server: McpServer;
  readonly transport: StreamableHTTPServerTransport;
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export async function startMcpServer(): Promise<McpOrigin> {
  const sessions = new Map<string, Session>();
  const called: string[] = [];
  let arrivals = 0;
  let finishSlow: () => void = () => {};
  const slowFinished = new Promise<void>((finish) => {
    finishSlow = finish;
  });

  const http = createServer((request, response) => {
    if (/^\/mcp(\/|$)/.test(request.url ?? "")) return void toSession(request, response);
    arrivals += 1;
    void answerArrived(request, response);
  });

  async function toSession(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = request.headers["mcp-session-id"];
    const session = id === undefined ? await newSession() : sessions.get(String(id));
    if (session) await session.transport.handleRequest(request, response);
    else response.writeHead(404).end();
  }

  async function newSession(): Promise<Session> {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, session),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    const session = { server: newServer(called, slowFinished), transport };
    // Its accessors do not fit the optional members of its own interface in TypeScript's strictest mode.
    await session.server.connect(transport as Transport);
    return session;
  }

  // Else a request may meet a connection that the server is just closing, and that is a 502.
  http.keepAliveTimeout = 60_000;
  await new Promise<void>((listening) => http.listen(0, "127.0.0.1", listening));
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    called,
    arrivals: () => arrivals,
    hasSession: (id = "") => sessions.has(id),
    async ping(sessionId = "") {
      return sessions.get(sessionId)?.server.server.ping();
    },
    finishSlow,
    async close() {
      await Promise.all([...sessions.values()].map(({ server }) => server.close()));
      http.closeAllConnections();
      await new Promise((closed) => http.close(closed));
    },
  };
}

/** The tools `search`, `other` and `slow`, which reports progress before its result, and the prompt `search`. */
function newServer(called: string[], finished: Promise<void>): McpServer {
  const server = new McpServer({ name: "origin", version: "1.0.0" });
  const result = (name: string) => {
    called.push(name);
    return { content: [{ type: "text" as const, text: `${name} is done` }] };
  };
  server.registerTool("search", {}, () => result("search"));
  server.registerTool("other", {}, () => result("other"));
  server.registerTool("slow", {}, async ({ _meta, sendNotification }) => {
    const progressToken = _meta?.progressToken ?? "none";
    for (const progress of [1, 2]) {
      await sendNotification({
        method: "notifications/progress",
        params: { progressToken, progress, total: 2 },
      });
    }
    await finished;
    return result("slow");
  });
  server.registerPrompt("search", {}, () => ({
    messages: [{ role: "user", content: { type: "text", text: "Search for it." } }],
  }));
  return server;
}

async function answerArrived(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const arrived: Arrived = {
    bytes: body.length,
    sha256: sha256(body),
    contentLength: request.headers["content-length"] ?? null,
    transferEncoding: request.headers["transfer-encoding"] ?? null,
  };
  response.setHeader("Content-Type", "application/json").end(JSON.stringify(arrived));
}
