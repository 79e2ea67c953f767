import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket as Client, type ClientOptions } from "ws";
import { buildWorker } from "../support/build.ts";
import {
  type Accepted,
  type End,
  type SocketOrigin,
  startSocketOrigin,
  watch,
} from "../support/socket-origin.ts";
import { type RunningWorker, startWorker } from "../support/workerd.ts";

const MIB = 1024 * 1024;
/** What may wait behind a message that a gate is ruling on. */
const MAX_WAITING = 1_024;
const MAX_WAITING_MIB = 4;

const folder = mkdtempSync(join(tmpdir(), "weir-bridge-"));
let server: SocketOrigin;
let worker: RunningWorker;
let opened = 0;

beforeAll(async () => {
  server = await startSocketOrigin();
  const source = fileURLToPath(new URL("../http/bridge-worker.ts", import.meta.url));
  worker = await startWorker({ script: buildWorker(folder, { source }), vars: { ORIGIN: server.url } });
});
afterAll(async () => {
  await worker?.stop();
  await server?.stop();
  rmSync(folder, { recursive: true });
});

interface Connection {
  readonly path: string;
  readonly client: End;
  readonly origin: Accepted;
  /** The bridge's answer to the upgrade. */
  readonly answer: IncomingMessage;
}

interface ConnectOptions extends ClientOptions {
  readonly gate?: "obedient" | "fitful";
  readonly protocols?: string[];
}

const addressOf = (path: string): string => worker.url.replace("http", "ws") + path;

function newPath(): string {
  opened += 1;
  return `/connection-${opened}`;
}

/** A connection through the bridge, with both its ends. */
async function connect({ gate, protocols = [], ...options }: ConnectOptions = {}): Promise<Connection> {
  const path = newPath();
  const socket = new Client(addressOf(path) + (gate ? `?gate=${gate}` : ""), protocols, options);
  const client = watch(socket);
  const [[answer]] = await Promise.all([once(socket, "upgrade"), once(socket, "open")]);
  return { path, client, origin: await server.accepted(path), answer };
}

const arrived = (end: End, count: number): Promise<void> =>
  expect.poll(() => end.received.length, { interval: 2, timeout: 5_000 }).toBe(count);

/** What a socket saw of its end, which must come within a second. */
const closing = (end: End) =>
  Promise.race([end.closed, sleep(1_000, "still open after a second", { ref: false })]);

describe("an upgrade", () => {
  it("keeps the origin's sub-protocol, cookies and fields", async () => {
    const { client, origin, answer } = await connect({
      protocols: ["one", "two"],
      headers: { Cookie: "c=3" },
    });
    expect(origin.request.headers).toMatchObject({ cookie: "c=3", "sec-websocket-protocol": "one,two" });
    expect(client.socket.protocol).toBe("two");
    expect(answer.headers).toMatchObject({ "set-cookie": ["a=1; Path=/", "b=2, x"], "x-own": "origin" });
    client.socket.close();
  });

  it.each([true, false])("is compressed only for a client that offers it: %s", async (perMessageDeflate) => {
    const { client, origin } = await connect({ perMessageDeflate });
    const extension = perMessageDeflate ? "permessage-deflate" : "";
    expect([client.socket.extensions, origin.socket.extensions]).toEqual([extension, extension]);
    client.socket.close();
  });

  it("that the origin refuses is answered with the origin's status and body", async () => {
    const before = server.ended.get("/refused") ?? 0;
    const socket = new Client(addressOf("/refused"));
    const [, answer] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
    expect([answer.statusCode, answer.headers["x-own"], await text(answer)]).toEqual([
      401,
      "origin",
      "who, me",
    ]);
    await expect.poll(() => server.ended.get("/refused")).toBe(before + 1);
  });
});

interface Sent {
  readonly data: Buffer;
  readonly binary: boolean;
  readonly cuts: readonly number[];
}

const arbitraryBytes = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 130 }) },
  // Where a frame needs another form of length.
  fc.constantFrom(125, 126, 127, 65_535, 65_536, 200_000).map((size) => new Uint8Array(size).fill(size)),
);
const arbitraryText = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: "grapheme" }) },
  fc.constantFrom(126, 65_536).map((size) => "ü".repeat(size / 2)),
);
const arbitrarySent: fc.Arbitrary<Sent> = fc.record({
  data: fc.oneof(arbitraryBytes, arbitraryText).map((data) => Buffer.from(data)),
  binary: fc.boolean(),
  cuts: fc.array(fc.nat(), { maxLength: 3 }),
});

describe("messages", () => {
  it("arrive byte for byte, in order, as what they were, whatever their sizes and fragments", async () => {
    const sequence = fc.array(arbitrarySent.map(asText), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(
        sequence,
        sequence,
        fc.constantFrom(undefined, "fitful" as const),
        fc.boolean(),
        async (up, down, gate, perMessageDeflate) => {
          const { client, origin } = await connect({ ...(gate && { gate }), perMessageDeflate });
          for (let i = 0; i < Math.max(up.length, down.length); i++) {
            sendInPieces(client, up[i]);
            sendInPieces(origin, down[i]);
          }
          await Promise.all([arrived(origin, up.length), arrived(client, down.length)]);
          expect(origin.received.map(label)).toEqual(up.map(received).map(label));
          expect(client.received.map(label)).toEqual(down.map(received).map(label));
          client.socket.close();
        },
      ),
      { numRuns: 40 },
    );
  });

  it("of 1 MiB pass both ways", async () => {
    const { client, origin } = await connect();
    const data = Buffer.from(Uint8Array.from({ length: MIB }, (_, i) => (i * i) >> 7));
    client.socket.send(data);
    await arrived(origin, 1);
    origin.socket.send(data);
    await arrived(client, 1);
    expect(data.equals(origin.received[0] as Buffer)).toBe(true);
    expect(data.equals(client.received[0] as Buffer)).toBe(true);
    client.socket.close();
  });

  it("pass between the origin and Node's own WebSocket", async () => {
    const path = newPath();
    const socket = new WebSocket(addressOf(path), ["one", "two"]);
    socket.binaryType = "arraybuffer";
    await once(socket, "open");
    const origin = await server.accepted(path);
    const echoed: unknown[] = [];
    socket.addEventListener("message", ({ data }) => echoed.push(data));
    origin.socket.on("message", (data, binary) => origin.socket.send(data, { binary }));
    socket.send("text");
    socket.send(Uint8Array.of(1, 2));
    await expect.poll(() => echoed.length).toBe(2);
    expect(echoed).toEqual(["text", Uint8Array.of(1, 2).buffer]);
    socket.close(4000, "done");
    const [closed] = (await once(socket, "close")) as [CloseEvent];
    expect([closed.code, closed.reason, closed.wasClean]).toEqual([4000, "done", true]);
    expect([socket.protocol, await closing(origin)]).toEqual(["two", [4000, "done"]]);
  });
});

/** Text has to be UTF-8: what is not is sent as binary. */
function asText(sent: Sent): Sent {
  return { ...sent, binary: sent.binary || !sent.data.equals(Buffer.from(sent.data.toString())) };
}

function sendInPieces({ socket }: End, sent: Sent | undefined): void {
  if (!sent) return;
  const { data, binary, cuts } = sent;
  const ends = [...cuts.map((place) => place % (data.length + 1)), data.length].toSorted((a, b) => a - b);
  ends.forEach((end, i) => {
    socket.send(data.subarray(ends[i - 1] ?? 0, end), { binary, fin: i === ends.length - 1 });
  });
}

const received = ({ data, binary }: Sent): string | Buffer => (binary ? data : data.toString());

/** Quicker to compare than buffers are. */
const label = (message: string | Buffer): string =>
  typeof message === "string" ? `text ${message}` : `binary ${message.toString("base64")}`;

/** A close frame as bytes of a client, which `ws` itself would not send. Masked with zeros. */
const frame = (...payload: number[]): Buffer =>
  Buffer.from([0x88, 0x80 | payload.length, 0, 0, 0, 0, ...payload]);

/** The TCP connection below. */
const below = ({ socket }: End) =>
  (
    socket as unknown as {
      _socket: { destroy(): void; resetAndDestroy(): void; end(): void; write(data: Buffer): void };
    }
  )._socket;

type Act = (client: End, origin: End) => void;
type Seen = readonly [code: number, reason: string];

const LONG = "ü".repeat(61);
/** 4000, with bytes for a reason that become more when they are read as text. */
const NO_TEXT = frame(15, 160, ...Array(121).fill(255));
const REPLACED = "\ufffd".repeat(41);
const BAD_FRAME = Buffer.of(0xf1, 0x81, 0, 0, 0, 0, 1);
const BAD: Seen = [1002, "Received frame had RSV bits 2 or 3 set"];
const LOST: Seen = [1011, "connection lost"];
const GONE: Seen = [1006, ""];

/** What the client sees, and the origin where it sees something else. */
const CLOSES: readonly (readonly [name: string, act: Act, client: Seen, origin?: Seen])[] = [
  ["the client: 1000 and a reason", ({ socket }) => socket.close(1000, "bye"), [1000, "bye"]],
  ["the client: a code of its own", ({ socket }) => socket.close(4000, "own"), [4000, "own"]],
  ["the client: going away", ({ socket }) => socket.close(1001), [1001, ""]],
  ["the client: no code", ({ socket }) => socket.close(), [1005, ""]],
  ["the client: the longest reason", ({ socket }) => socket.close(3000, LONG), [3000, LONG]],
  ["the client: 1006 in a frame", (client) => below(client).write(frame(3, 238)), [1011, ""]],
  ["the client: 1015 in a frame", (client) => below(client).write(frame(3, 247)), [1011, ""]],
  ["the client: no such code", (client) => below(client).write(frame(255, 255)), [1011, ""]],
  ["the client: a reason that is no text", (client) => below(client).write(NO_TEXT), [4000, REPLACED]],
  ["the client: a frame against the protocol", (client) => below(client).write(BAD_FRAME), BAD, LOST],
  ["the client breaks off", (client) => below(client).destroy(), GONE, LOST],
  ["the client resets", (client) => below(client).resetAndDestroy(), GONE, LOST],
  ["the client ends without a frame", (client) => below(client).end(), GONE, LOST],
  ["the origin: 1000 and a reason", (_, { socket }) => socket.close(1000, "bye"), [1000, "bye"]],
  ["the origin: a code of its own", (_, { socket }) => socket.close(4000, "own"), [4000, "own"]],
  ["the origin: a restart", (_, { socket }) => socket.close(1012, "soon"), [1012, "soon"]],
  ["the origin: no code", (_, { socket }) => socket.close(), [1005, ""]],
  ["the origin breaks off", (_, origin) => below(origin).destroy(), LOST, GONE],
  ["the origin resets", (_, origin) => below(origin).resetAndDestroy(), LOST, GONE],
  ["the origin ends without a frame", (_, origin) => below(origin).end(), LOST, GONE],
  ["both at once", closeBoth, [4002, "origin"], [4001, "client"]],
];

function closeBoth(client: End, origin: End): void {
  client.socket.close(4001, "client");
  origin.socket.close(4002, "origin");
}

describe.each([undefined, "obedient" as const])("a closing, with gate: %s", (gate) => {
  const cases = CLOSES.map(([name, act, byClient, byOrigin = byClient]) => ({
    name,
    act,
    byClient,
    byOrigin,
  }));
  it.each(cases)("by $name", async ({ act, byClient, byOrigin }) => {
    const { path, client, origin } = await connect(gate ? { gate } : {});
    act(client, origin);
    expect([await closing(client), await closing(origin)]).toEqual([byClient, byOrigin]);
    await expect.poll(() => server.ended.get(path), { interval: 2, timeout: 1_000 }).toBe(1);
  });
});

describe("a connection that one side has closed", () => {
  it("by the origin still takes what the client sends until it answers", async () => {
    const { client, origin } = await connect();
    // It does not see the close frame, and so does not answer it.
    client.socket.pause();
    origin.socket.close(4000, "enough");
    await sleep(50);
    client.socket.send("late");
    client.socket.send(Buffer.of(1));
    await arrived(origin, 2);
    expect(origin.received).toEqual(["late", Buffer.of(1)]);
    client.socket.resume();
    expect([await closing(client), await closing(origin)]).toEqual([
      [4000, "enough"],
      [4000, "enough"],
    ]);
  });

  it("by the client still takes what the origin sends until it answers", async () => {
    const { path, client, origin } = await connect();
    origin.socket.pause();
    client.socket.close(4000, "enough");
    await sleep(50);
    origin.socket.send("late");
    origin.socket.send(Buffer.of(1));
    await arrived(client, 2);
    expect(client.received).toEqual(["late", Buffer.of(1)]);
    expect(server.ended.get(path)).toBe(undefined);
    origin.socket.resume();
    expect([await closing(client), await closing(origin)]).toEqual([
      [4000, "enough"],
      [4000, "enough"],
    ]);
  });
});

const REFUSED = '{"type":"rate_limited","policy":"chat","retry_after_seconds":13}';

function sendAll({ socket }: End, messages: readonly (string | Buffer)[]): void {
  for (const message of messages) socket.send(message);
}

/** The bridge has everything that was sent so far: the runtime answers pings in their turn. */
async function allRead({ socket }: End): Promise<void> {
  socket.ping();
  await once(socket, "pong");
}

describe("a gate", () => {
  it("answers a refused message itself, and forwards the others", async () => {
    const { client, origin } = await connect({ gate: "obedient" });
    sendAll(client, ["a", "refuse", "b", "refuse for good", Buffer.from("refuse")]);
    await Promise.all([arrived(origin, 3), arrived(client, 2)]);
    expect(origin.received).toEqual(["a", "b", Buffer.from("refuse")]);
    expect(client.received).toEqual([REFUSED, '{"type":"rate_limited","policy":"chat"}']);
    client.socket.close();
  });

  it("closes both sockets with the last of so many refusals in a row", async () => {
    const { client, origin } = await connect({ gate: "obedient" });
    sendAll(client, ["refuse", "refuse", "between", "refuse", "refuse", "refuse", "after"]);
    const violation = [1008, "rate limited; retry after 13s"];
    expect([await closing(client), await closing(origin)]).toEqual([violation, violation]);
    expect(origin.received).toEqual(["between"]);
    expect(client.received).toEqual(Array(5).fill(REFUSED));
  });

  it("names no wait where there is none", async () => {
    const { client } = await connect({ gate: "obedient" });
    sendAll(client, Array(3).fill("refuse for good"));
    expect(await closing(client)).toEqual([1008, "rate limited"]);
  });

  it("may close both sockets itself", async () => {
    const { client, origin } = await connect({ gate: "obedient" });
    sendAll(client, ["before", "close", "after"]);
    const ruled = [4009, "enough"];
    expect([await closing(client), await closing(origin)]).toEqual([ruled, ruled]);
    expect(origin.received).toEqual(["before"]);
  });

  it("that fails forwards the message", async () => {
    const { client, origin } = await connect({ gate: "obedient" });
    sendAll(client, ["throw", "reject", "a"]);
    await arrived(origin, 3);
    expect(origin.received).toEqual(["throw", "reject", "a"]);
    client.socket.close();
  });

  it("keeps the order while it takes its time, up to the close frame, and lets the origin talk", async () => {
    const { path, client, origin } = await connect({ gate: "obedient" });
    sendAll(client, ["wait", "a", "wait, then refuse", Buffer.of(1), "refuse", "b"]);
    client.socket.close(4001, "done");
    const answer = await server.asked(path);
    origin.socket.send("news");
    await arrived(client, 1);
    expect(origin.received).toEqual([]);
    answer();
    (await server.asked(path))();
    expect([await closing(client), await closing(origin)]).toEqual([
      [4001, "done"],
      [4001, "done"],
    ]);
    expect(origin.received).toEqual(["wait", "a", Buffer.of(1), "b"]);
    expect(client.received).toEqual(["news", REFUSED.replace("13", "1"), REFUSED]);
  });

  describe.each([
    [`${MAX_WAITING} messages`, Array(MAX_WAITING).fill("n"), "one"],
    [`${MAX_WAITING_MIB} MiB`, Array(MAX_WAITING_MIB).fill(Buffer.alloc(MIB)), "n"],
  ])("lets %s wait", (_, most, more) => {
    it("time and again, and a close frame behind them", async () => {
      const { path, client, origin } = await connect({ gate: "obedient" });
      for (const round of [1, 2]) {
        sendAll(client, ["wait", ...most]);
        const answer = await server.asked(path);
        await allRead(client);
        if (round === 2) {
          client.socket.close(4000, "done");
          await sleep(50);
        }
        answer();
        await arrived(origin, round * (most.length + 1));
      }
      expect(await closing(origin)).toEqual([4000, "done"]);
    });

    it("and closes both sockets at more", async () => {
      const { path, client, origin } = await connect({ gate: "obedient" });
      sendAll(client, ["wait", ...most, more]);
      const violation = [1008, "too many messages waiting"];
      expect([await closing(client), await closing(origin)]).toEqual([violation, violation]);
      (await server.asked(path))();
      expect(origin.received).toEqual([]);
    });
  });

  it("drops what waits when the client is gone", async () => {
    const { path, client, origin } = await connect({ gate: "obedient" });
    sendAll(client, ["before", "wait", "after"]);
    const answer = await server.asked(path);
    client.socket.terminate();
    expect(await closing(origin)).toEqual(LOST);
    answer();
    expect(origin.received).toEqual(["before"]);
  });

  it("drops what waits when the origin is gone", async () => {
    const { path, client, origin } = await connect({ gate: "obedient" });
    sendAll(client, ["wait", "after"]);
    const answer = await server.asked(path);
    origin.socket.terminate();
    expect(await closing(client)).toEqual(LOST);
    answer();
  });
});

describe("an upgrade that is accepted only to be closed", () => {
  const closedAt = (code: number, reason: string): string =>
    addressOf(`/closed?code=${code}&reason=${encodeURIComponent(reason)}`);

  it.each([
    ["a code and a reason", 1013, "rate limited; retry after 13s", "rate limited; retry after 13s"],
    ["as much of a reason as fits", 1008, `x${"ü".repeat(100)}`, `x${"ü".repeat(61)}`],
    ["no half characters", 1008, "🙂".repeat(31), "🙂".repeat(30)],
  ])("says %s", async (_, code, reason, seen) => {
    expect(await closing(watch(new Client(closedAt(code, reason))))).toEqual([code, seen]);
  });

  it.each([
    [["one", "two"], "one"],
    [["two"], "two"],
    [[], ""],
  ])("names one of the sub-protocols %j", async (protocols, named) => {
    const socket = new WebSocket(closedAt(1013, "later"), protocols);
    const [closed] = (await once(socket, "close")) as [CloseEvent];
    expect([socket.protocol, closed.code, closed.reason, closed.wasClean]).toEqual([
      named,
      1013,
      "later",
      true,
    ]);
  });
});

it("every connection's end is told once", async () => {
  await expect.poll(() => [...server.ended.keys()].filter((path) => path !== "/refused").length).toBe(opened);
  expect(new Set(server.ended.values())).toEqual(new Set([1]));
});
