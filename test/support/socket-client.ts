import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";

export type Received = string | Buffer;

/** A close frame. */
export interface Farewell {
  readonly code: number;
  readonly reason: string;
}

/** What a client is told of a message that was refused. */
export interface RefusalFrame {
  readonly type: "rate_limited";
  readonly policy: string;
  readonly retry_after_seconds?: number;
}

/** An open WebSocket of a program. */
export interface SocketClient {
  /** What has come so far, oldest first: text as text, binary as bytes. */
  readonly received: readonly Received[];
  /** How it ended; 1006 without a close frame. */
  readonly closed: Promise<Farewell>;
  readonly isOpen: boolean;
  send(...messages: readonly Received[]): void;
  /** Everything that came, as soon as it is so many messages. Rejects when the socket closes before. */
  receive(count: number): Promise<readonly Received[]>;
  /** Says goodbye, and waits for the answer. */
  close(code?: number, reason?: string): Promise<Farewell>;
  /** Is gone, without a close frame. */
  vanish(): void;
}

/** What became of an upgrade: a socket, or an answer that refuses it. */
export type Attempt =
  | { readonly socket: SocketClient; readonly refused?: undefined }
  | { readonly socket?: undefined; readonly refused: Response };

export interface ConnectOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as a browser would: the origin of the page. */
  readonly origin?: string;
}

/** Opens a WebSocket under an `http:` URL. Rejects only when there is no answer at all. */
export async function connect(url: string, { headers, origin }: ConnectOptions = {}): Promise<Attempt> {
  const socket = new WebSocket(url.replace(/^http/, "ws"), {
    perMessageDeflate: false,
    ...(headers && { headers }),
    ...(origin !== undefined && { origin }),
  });
  const client = clientOf(socket);
  const refused = once(socket, "unexpected-response").then(([, answer]) => responseOf(answer));
  // Which of them comes second never does.
  refused.catch(() => {});
  const attempt = await Promise.race([
    once(socket, "open").then(() => undefined),
    refused.then((response) => response),
  ]);
  return attempt ? { refused: attempt } : { socket: client };
}

function clientOf(socket: WebSocket): SocketClient {
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  let farewell: Farewell | undefined;
  const closed = new Promise<Farewell>((tell) => {
    socket.once("close", (code, reason) => {
      farewell = { code, reason: reason.toString() };
      tell(farewell);
      for (const look of waiting) look();
    });
  });
  socket.on("message", (data, isBinary) => {
    received.push(isBinary ? (data as Buffer) : data.toString());
    for (const look of waiting) look();
  });
  // Its "close" follows.
  socket.on("error", () => {});
  return {
    received,
    closed,
    get isOpen() {
      return socket.readyState === WebSocket.OPEN;
    },
    send(...messages) {
      for (const message of messages) socket.send(message);
    },
    receive: (count) =>
      new Promise((enough, tooFew) => {
        const look = () => {
          if (received.length < count && !farewell) return;
          waiting.delete(look);
          if (received.length >= count) enough(received);
          else tooFew(new Error(`closed after ${received.length} messages: ${show(farewell)}`));
        };
        waiting.add(look);
        look();
      }),
    close(code, reason) {
      socket.close(code, reason);
      return closed;
    },
    vanish: () => socket.terminate(),
  };
}

const show = (farewell: Farewell | undefined): string => `${farewell?.code} "${farewell?.reason}"`;

async function responseOf(answer: IncomingMessage): Promise<Response> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(answer.headersDistinct))
    for (const value of values) headers.append(name, value);
  return new Response(Buffer.concat(chunks), { status: answer.statusCode ?? 0, headers });
}

/** The frame when a message is one that says "refused", else undefined. */
export function refusalFrame(message: Received | undefined): RefusalFrame | undefined {
  if (typeof message !== "string" || !message.startsWith('{"type":"rate_limited"')) return undefined;
  return JSON.parse(message) as RefusalFrame;
}
