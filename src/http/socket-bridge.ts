import { INTERNAL_ERROR, POLICY_VIOLATION, rateLimited, sendClose } from "./socket-refusal.ts";

export type Message = string | ArrayBuffer;

/** What becomes of a message from the client. */
export type Ruling =
  | { readonly kind: "forward" }
  | {
      readonly kind: "refuse";
      readonly policy: string;
      readonly retryAfter: number | undefined;
      /** With so many refused in a row, the socket is closed. */
      readonly strikes: number;
    }
  | { readonly kind: "close"; readonly code: number; readonly reason: string };

export interface Gate {
  /**
   * Synchronous while it can be, so that a message with room is forwarded at once. Later messages wait for a promise:
   * it has to settle soon. When the gate fails, the message is forwarded.
   */
  rule(message: Message): Ruling | Promise<Ruling>;
}

export interface BridgeOptions {
  /** Without one, every message is forwarded. */
  readonly gate?: Gate;
  /** Called once, when both sockets are done or broken. */
  readonly onEnd?: () => void;
}

/** How much of a client may wait behind the message that its gate is ruling on. Size: bytes, or characters of text. */
const MAX_WAITING_MESSAGES = 1_024;
const MAX_WAITING_SIZE = 4 * 1024 * 1024;

/** From the first close frame to the last. Shorter than the 30 s that a request may outlive its client. */
const CLOSE_TIMEOUT_MS = 20_000;

type Refusal = Extract<Ruling, { kind: "refuse" }>;

const FORWARD: Ruling = { kind: "forward" };

/** A close frame. */
interface Farewell {
  readonly code: number;
  readonly reason: string;
}

type Arrival = Message | Farewell;

/**
 * Stands between a client and the origin's socket, so that the client's messages can be ruled on. Returns the answer for
 * the client, with the fields of the origin's. An origin that has refused the upgrade: its own answer.
 */
export function bridgeSockets(upgraded: Response, { gate, onEnd = () => {} }: BridgeOptions): Response {
  if (!upgraded.webSocket) {
    onEnd();
    return upgraded;
  }
  const { 0: theirs, 1: ours } = new WebSocketPair();
  const client = new Side(ours, onClose);
  const origin = new Side(upgraded.webSocket, onClose);
  let timeout: number | null = null;
  let hasEnded = false;

  function onClose(): void {
    if (client.isDone && origin.isDone) end("");
    else if (!hasEnded) timeout ??= setTimeout(() => end("closing took too long"), CLOSE_TIMEOUT_MS);
  }

  function end(reason: string): void {
    if (hasEnded) return;
    hasEnded = true;
    clearTimeout(timeout);
    client.send({ code: INTERNAL_ERROR, reason });
    origin.send({ code: INTERNAL_ERROR, reason });
    onEnd();
  }

  const turnstile = gate && new Turnstile(gate, client, origin);
  client.listen((arrival) => (turnstile ? turnstile.enter(arrival) : origin.send(arrival)), end);
  origin.listen((arrival) => client.send(arrival), end);
  return new Response(null, { status: 101, webSocket: theirs, headers: upgraded.headers });
}

/** One of the two sockets. Half-open: a close frame is answered by that of the other side, not by the runtime. */
class Side {
  readonly #socket: WebSocket;
  readonly #onClose: () => void;
  #hasHeard = false;
  /** A close frame was sent: nothing can be sent any more. */
  isClosed = false;

  constructor(socket: WebSocket, onClose: () => void) {
    this.#socket = socket;
    this.#onClose = onClose;
  }

  /** Close frames have gone both ways. */
  get isDone(): boolean {
    return this.isClosed && this.#hasHeard;
  }

  send(arrival: Arrival): void {
    if (this.isClosed) return;
    if (isMessage(arrival)) {
      this.#socket.send(arrival);
      return;
    }
    this.isClosed = true;
    sendClose(this.#socket, arrival.code, arrival.reason);
    this.#onClose();
  }

  listen(arrive: (arrival: Arrival) => void, lost: (reason: string) => void): void {
    this.#socket.binaryType = "arraybuffer";
    this.#socket.addEventListener("message", ({ data }) => arrive(data));
    this.#socket.addEventListener("close", ({ code, reason, wasClean }) => {
      if (!wasClean) return lost("connection lost");
      this.#hasHeard = true;
      arrive({ code, reason });
      this.#onClose();
    });
    this.#socket.addEventListener("error", () => lost("connection lost"));
    this.#socket.accept({ allowHalfOpen: true });
  }
}

/** Lets what a client sends through to the origin as its gate rules, in order also while a ruling is awaited. */
class Turnstile {
  readonly #gate: Gate;
  readonly #client: Side;
  readonly #origin: Side;
  readonly #waiting: Arrival[] = [];
  #waitingSize = 0;
  #isRuling = false;
  #refusedInARow = 0;

  constructor(gate: Gate, client: Side, origin: Side) {
    this.#gate = gate;
    this.#client = client;
    this.#origin = origin;
  }

  enter(arrival: Arrival): void {
    if (this.#origin.isClosed) return;
    this.#waiting.push(arrival);
    this.#waitingSize += sizeOf(arrival);
    if (!this.#isRuling) return void this.#letThrough();
    const isFull = this.#waiting.length > MAX_WAITING_MESSAGES || this.#waitingSize > MAX_WAITING_SIZE;
    if (isFull && isMessage(arrival)) this.#close(POLICY_VIOLATION, "too many messages waiting");
  }

  async #letThrough(): Promise<void> {
    this.#isRuling = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#waitingSize -= sizeOf(next);
      if (!isMessage(next)) {
        this.#origin.send(next);
      } else {
        const ruling = ruleSafely(this.#gate, next);
        this.#apply(next, ruling instanceof Promise ? await ruling : ruling);
      }
      // What still waits has nowhere to go.
      if (this.#origin.isClosed) this.#waiting.length = 0;
    }
    this.#isRuling = false;
  }

  #apply(message: Message, ruling: Ruling): void {
    if (ruling.kind === "refuse") {
      this.#refuse(ruling);
    } else if (ruling.kind === "forward") {
      this.#refusedInARow = 0;
      this.#origin.send(message);
    } else {
      this.#close(ruling.code, ruling.reason);
    }
  }

  #refuse({ policy, retryAfter, strikes }: Refusal): void {
    this.#client.send(JSON.stringify({ type: "rate_limited", policy, retry_after_seconds: retryAfter }));
    this.#refusedInARow += 1;
    if (this.#refusedInARow >= strikes) this.#close(POLICY_VIOLATION, rateLimited(retryAfter));
  }

  #close(code: number, reason: string): void {
    this.#client.send({ code, reason });
    this.#origin.send({ code, reason });
  }
}

function ruleSafely(gate: Gate, message: Message): Ruling | Promise<Ruling> {
  try {
    const ruling = gate.rule(message);
    return ruling instanceof Promise ? ruling.catch(() => FORWARD) : ruling;
  } catch {
    return FORWARD;
  }
}

const isMessage = (arrival: Arrival): arrival is Message =>
  typeof arrival === "string" || arrival instanceof ArrayBuffer;

function sizeOf(arrival: Arrival): number {
  if (!isMessage(arrival)) return 0;
  return typeof arrival === "string" ? arrival.length : arrival.byteLength;
}
