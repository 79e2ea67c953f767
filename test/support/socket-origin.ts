import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

/** One end of a connection, and all that has come to it. */
export interface End {
  readonly socket: WebSocket;
  /** Text as a string, binary as a buffer. */
  readonly received: (string | Buffer)[];
  /** The code and reason it saw when the connection was closed. */
  readonly closed: Promise<readonly [code: number, reason: string]>;
}

export interface Accepted extends End {
  readonly request: IncomingMessage;
}

/** A WebSocket server that leaves it to the test what to answer, and a Worker's ear: what its bridges tell and ask. */
export interface SocketOrigin {
  readonly url: string;
  /** Its end of the connection that was opened to this path. */
  accepted(path: string): Promise<Accepted>;
  /** How often the end of a connection was told, by its path. */
  readonly ended: ReadonlyMap<string, number>;
  /** The question of a gate on the way to this path: call it to answer. */
  asked(path: string): Promise<() => void>;
  stop(): Promise<void>;
}

/** Fields of every answer to an upgrade. */
const FIELDS = ["Set-Cookie: a=1; Path=/", "Set-Cookie: b=2, x", "X-Own: origin"];

const REFUSAL =
  "HTTP/1.1 401 Unauthorized\r\nX-Own: origin\r\nContent-Length: 7\r\nConnection: close\r\n\r\nwho, me";

export async function startSocketOrigin(): Promise<SocketOrigin> {
  const connections = createMailbox<Accepted>();
  const questions = createMailbox<() => void>();
  const ended = new Map<string, number>();
  const server = createServer((request, response) => {
    const [, event, path] = /^\/(\w+)(\/.*)$/.exec(request.url ?? "") ?? [];
    if (path && event === "ended") ended.set(path, (ended.get(path) ?? 0) + 1);
    if (path && event === "ask") questions.put(path, () => response.end());
    else response.end();
  });
  // The last of the sub-protocols that were asked for, so that a choice shows.
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: { threshold: 0 },
    handleProtocols: (names) => [...names].at(-1) ?? false,
  });
  sockets.on("headers", (fields: string[]) => fields.push(...FIELDS));
  const accept = (path: string, request: IncomingMessage, socket: WebSocket): void =>
    connections.put(path, { request, ...watch(socket) });
  server.on("upgrade", (request, stream, head) => {
    const [path = ""] = request.url?.split("?") ?? [];
    if (path === "/refused") stream.end(REFUSAL);
    else sockets.handleUpgrade(request, stream, head, (socket) => accept(path, request, socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    accepted: (path) => connections.take(path),
    ended,
    asked: (path) => questions.take(path),
    async stop() {
      for (const socket of sockets.clients) socket.terminate();
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Follows a socket from its beginning. */
export function watch(socket: WebSocket): End {
  const received: (string | Buffer)[] = [];
  socket.on("message", (data: Buffer, isBinary) => received.push(isBinary ? data : data.toString()));
  // A connection that breaks is also closed, and that is looked at.
  socket.on("error", () => {});
  const closed = new Promise<readonly [number, string]>((seen) => {
    socket.once("close", (code, reason) => seen([code, reason.toString()]));
  });
  return { socket, received, closed };
}

/** Hands over what was put, or will be, by name and in order. */
function createMailbox<T>() {
  const boxes = new Map<string, { readonly put: T[]; readonly takers: ((item: T) => void)[] }>();
  const boxOf = (name: string) => {
    const box = boxes.get(name) ?? { put: [], takers: [] };
    boxes.set(name, box);
    return box;
  };
  return {
    put(name: string, item: T): void {
      const { put, takers } = boxOf(name);
      const take = takers.shift();
      if (take) take(item);
      else put.push(item);
    },
    take(name: string): Promise<T> {
      const { put, takers } = boxOf(name);
      const item = put.shift();
      return item ? Promise.resolve(item) : new Promise((taken) => takers.push(taken));
    },
  };
}
