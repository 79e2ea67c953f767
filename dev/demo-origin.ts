import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type ServerType, serve, upgradeWebSocket, type WebSocketServerLike } from "@hono/node-server";
import { Hono } from "hono";
import { stream } from "hono/streaming";
import { WebSocketServer } from "ws";
import { readDemoPage } from "./demo-page.ts";

const KEEP_ALIVE_MS = 65_000;
const HOST = "127.0.0.1";
const STREAM_LINES = 25;
const STREAM_PAUSE_MS = 200;
const MAX_ANSWER_CHARS = 200;
const MAX_MESSAGE_BYTES = 64 * 1024;

// The page proves by its own policy that it loads nothing from elsewhere.
const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; connect-src 'self'";

const ITEMS = [
  { id: 1, name: "sluice gate", price: 120 },
  { id: 2, name: "fish ladder", price: 340 },
  { id: 3, name: "stilling basin", price: 95 },
];

type StreamingApi = Parameters<Parameters<typeof stream>[1]>[0];

export type DemoOrigin = { url: string; close: () => Promise<void> };

/** The server that the demo protects: an ordinary web application that knows nothing about limits. */
export function createDemoOrigin({ streamPauseMs = STREAM_PAUSE_MS } = {}): Hono {
  const app = new Hono();
  const page = readDemoPage();
  let openStreams = 0;

  app.get("/", (c) => c.html(page, 200, { "Content-Security-Policy": PAGE_POLICY }));
  // The number of open streams shows whether a client's leaving reaches the origin through a proxy.
  app.get("/health", (c) => c.json({ status: "ok", openStreams }));
  app.get("/redirect", (c) => c.redirect("/", 302));

  app.get("/api/time", (c) => c.json({ time: new Date().toISOString() }));
  app.get("/api/items", (c) => c.json({ items: ITEMS }));
  app.get("/api/items/:id", (c) => {
    const item = ITEMS.find((candidate) => String(candidate.id) === c.req.param("id"));
    return item === undefined ? c.json({ error: "no such item" }, 404) : c.json(item);
  });

  app.post("/chat/message", async (c) => {
    const user = c.req.header("x-user-id") ?? null;
    return c.json({ user, answer: answerTo(await c.req.text()) });
  });

  const chat = upgradeWebSocket(() => ({
    // The page takes a socket for open when it is greeted: it then knows that it has reached the server.
    onOpen: (_, socket) => socket.send("Welcome."),
    onMessage: ({ data }, socket) =>
      socket.send(typeof data === "string" ? answerTo(data) : (data as ArrayBuffer)),
  }));
  app.get("/chat/socket", chat, (c) => c.text("Only for WebSockets.", 426, { Upgrade: "websocket" }));

  app.on(["POST", "PUT"], "/echo", (c) => {
    const type = c.req.header("content-type") ?? "application/octet-stream";
    return new Response(c.req.raw.body, { headers: { "Content-Type": type } });
  });

  app.get("/stream", (c) => {
    c.header("Content-Type", "text/plain; charset=utf-8");
    return stream(c, async (out) => {
      openStreams += 1;
      await writeLines(out, streamPauseMs);
      openStreams -= 1;
    });
  });

  return app;
}

/** Starts the demo origin on this machine only; port 0 takes a free one. */
export async function startDemoOrigin({ port = 0 } = {}): Promise<DemoOrigin> {
  const { fetch } = createDemoOrigin();
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  return await new Promise((resolve, reject) => {
    // Else a request may meet a connection that the server is just closing, and that is a 502.
    const serverOptions = { keepAliveTimeout: KEEP_ALIVE_MS };
    // It is one; only the types of the two packages disagree about an option that may be undefined.
    const websocket = { server: sockets as WebSocketServerLike };
    const options = { fetch, port, hostname: HOST, serverOptions, websocket };
    const server = serve(options, (info) => {
      resolve({ url: `http://${HOST}:${info.port}`, close: () => close(server, sockets) });
    });
    server.once("error", reject);
  });
}

async function writeLines(out: StreamingApi, pauseMs: number): Promise<void> {
  for (let line = 1; line <= STREAM_LINES && !out.aborted; line += 1) {
    await out.writeln(`line ${line} of ${STREAM_LINES}`);
    if (line < STREAM_LINES) await sleep(pauseMs);
  }
}

// A message may come as JSON, as plain text or not at all: the demo answers in any case.
function answerTo(body: string): string {
  const said = textOf(body).slice(0, MAX_ANSWER_CHARS);
  return said === "" ? "Say something." : `You said: ${said}`;
}

function textOf(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null && "message" in parsed) return String(parsed.message);
  } catch {
    // Not JSON, so the text itself is the message.
  }
  return body;
}

async function close(server: ServerType, sockets: WebSocketServer): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // Without this, a kept-alive connection, an open stream or a WebSocket would hold the server for minutes.
  if ("closeAllConnections" in server) server.closeAllConnections();
  for (const socket of sockets.clients) socket.terminate();
  await closed;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startDemoOrigin({ port: Number(process.argv[2] ?? 0) });
  console.log(`The demo origin listens on ${url} (Ctrl-C to stop).`);
}
