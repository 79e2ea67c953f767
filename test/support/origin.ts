import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { WebSocketServer } from "ws";
import { API_ENDPOINTS } from "./api-endpoints.ts";

/** What the origin saw of a request. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface Origin {
  readonly url: string;
  /** Every request so far, oldest first. */
  readonly seen: Seen[];
  /** Resolves when a client has left a request before its answer was complete. */
  readonly aborted: Promise<string>;
  /** The requests to `/held` that are under way, oldest first. Their answers end when they are told to. */
  readonly held: ReadonlySet<HeldAnswer>;
  /** Every message of a WebSocket so far, oldest first. */
  readonly heard: Heard[];
  close(): Promise<void>;
}

/** An answer that has not ended. */
export interface HeldAnswer {
  /** With the query. */
  readonly url: string;
  end(): void;
}

/** A message as the origin received it. */
export interface Heard {
  /** Of the upgrade. */
  readonly url: string;
  readonly message: string | Buffer;
  /** By `performance.now()`. */
  readonly atMs: number;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const MIB = 1024 * 1024;

/** Endpoints with one HTTP feature each. Anything else answers 200 "ok". */
const ENDPOINTS: Readonly<Record<string, Handler>> = {
  ...API_ENDPOINTS,
  "/echo": (request, response) => {
    response.writeHead(200, { "Content-Type": request.headers["content-type"] ?? "text/plain" });
    request.pipe(response);
  },
  "/count": async (request, response) => {
    let bytes = 0;
    for await (const chunk of request) bytes += (chunk as Buffer).length;
    response.end(String(bytes));
  },
  "/big": async (_, response) => {
    response.writeHead(200, { "Content-Length": 64 * MIB });
    const chunk = Buffer.alloc(MIB, "x");
    for (let i = 0; i < 64; i++) {
      if (!response.write(chunk)) await new Promise((drained) => response.once("drain", drained));
    }
    response.end();
  },
  "/drip": (_, response) => {
    response.write("first");
    setTimeout(() => response.end("second"), 300);
  },
  "/endless": (_, response) => {
    const ticking = setInterval(() => response.write("tick"), 20);
    response.on("close", () => clearInterval(ticking));
  },
  "/hang": () => {},
  "/reset": (request) => {
    request.socket.destroy();
  },
  "/half": (request, response) => {
    response.writeHead(200, { "Content-Length": 1000 });
    response.write("half", () => request.socket.destroy());
  },
  "/redirect": (_, response) => response.writeHead(302, { Location: "/elsewhere?a=b" }).end("moved"),
  "/no-content": (_, response) => response.writeHead(204).end(),
  "/cached": (request, response) => {
    const fresh = request.headers["if-none-match"] === '"v1"';
    response.writeHead(fresh ? 304 : 200, { ETag: '"v1"' }).end(fresh ? undefined : "cached");
  },
  "/range": (request, response) => {
    response
      .writeHead(206, { "Content-Range": "bytes 2-4/10", "X-Range": request.headers.range ?? "" })
      .end("cde");
  },
  "/cookies": (_, response) => response.setHeader("Set-Cookie", ["a=1; Path=/", "b=2, x"]).end(),
  "/gzip": (_, response) => response.setHeader("Content-Encoding", "gzip").end(gzipSync("unpacked")),
  "/sized": (_, response) => response.setHeader("Content-Length", "5").end("sized"),
  "/error": (_, response) => response.writeHead(500, { "X-Own": "origin" }).end("the origin's own error"),
  "/strange": (_, response) => response.writeHead(999).end(),
  "/limited": (_, response) =>
    response
      .setHeader("RateLimit-Policy", '"theirs";q=9;w=60')
      .setHeader("RateLimit", '"theirs";r=8;t=60')
      .setHeader("X-RateLimit-Limit", "9")
      .end(),
  "/limited-before": (_, response) =>
    response
      .setHeader("RateLimit-Policy", "9;w=60")
      .setHeader("RateLimit", "limit=9, remaining=8, reset=60")
      .setHeader("RateLimit-Limit", "9")
      .end(),
  "/cors": (_, response) =>
    response
      .setHeader("Access-Control-Allow-Origin", "*")
      .setHeader("Access-Control-Expose-Headers", "X-Own")
      .end(),
};

/**
 * A real HTTP and WebSocket server on a free port. `/held` writes `?first=` at once and ends when the test says so. WebSockets
 * echo, and break the connection at the text "vanish"; those of `/unauthorized` are answered 401.
 */
export async function startOrigin(): Promise<Origin> {
  const seen: Seen[] = [];
  const heard: Heard[] = [];
  const held = new Set<HeldAnswer>();
  let reportAborted: (path: string) => void = () => {};
  const aborted = new Promise<string>((report) => {
    reportAborted = report;
  });
  function hold(url: string, response: ServerResponse): void {
    const first = new URL(url, "http://origin").searchParams.get("first");
    const answer = {
      url,
      end() {
        held.delete(answer);
        response.end("last");
      },
    };
    held.add(answer);
    response.on("close", () => held.delete(answer));
    if (first !== null) response.write(first);
  }
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    const entry = { method, url, headers, body: "" };
    seen.push(entry);
    response.on("close", () => response.writableFinished || reportAborted(url));
    // A table of cases gives each a path of its own in front.
    const path = url.replace(/^\/case-\d+/, "").split("?")[0] ?? "";
    if (path === "/held") return hold(url, response);
    const handler = ENDPOINTS[path];
    if (handler) return handler(request, response);
    request.on("data", (chunk) => {
      entry.body += chunk;
    });
    request.on("end", () => response.end("ok"));
  });
  // Else a request may meet a connection that the server is just closing, and that is a 502.
  server.keepAliveTimeout = 60_000;
  const sockets = new WebSocketServer({
    server,
    verifyClient: ({ req }, done) => done(!req.url?.endsWith("/unauthorized"), 401, "not with that token"),
  });
  sockets.on("connection", (socket, { url = "" }) => {
    socket.on("message", (data, isBinary) => {
      const message = isBinary ? (data as Buffer) : data.toString();
      heard.push({ url, message, atMs: performance.now() });
      if (message === "vanish") socket.terminate();
      else socket.send(data, { binary: isBinary });
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, seen, aborted, held, heard, close: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((closed) => {
    server.close(() => closed());
    server.closeAllConnections();
  });
}
