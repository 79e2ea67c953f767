import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { bridgeSockets, type Gate } from "../../src/http/socket-bridge.ts";

/** From the first close frame to the last. */
const TIMEOUT_MS = 20_000;
const TOO_LONG = [1011, "closing took too long"];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** The far end of one of a bridge's sockets. It answers a close frame only when a test does. */
function follow(socket: WebSocket) {
  const closed = new Promise<readonly [code: number, reason: string]>((seen) => {
    socket.addEventListener("close", ({ code, reason }) => seen([code, reason]));
  });
  socket.accept({ allowHalfOpen: true });
  return { socket, closed };
}

function open(gate?: Gate) {
  const { 0: far, 1: near } = new WebSocketPair();
  const onEnd = vi.fn<() => void>();
  const upgraded = new Response(null, { status: 101, webSocket: near });
  const { webSocket } = bridgeSockets(upgraded, { ...(gate && { gate }), onEnd });
  if (!webSocket) throw new Error("the bridge gives the client no socket");
  return { client: follow(webSocket), origin: follow(far), onEnd };
}

describe("a close frame that the other side does not answer", () => {
  it.each([
    ["client", "origin"],
    ["origin", "client"],
  ] as const)("is answered after a time when it is the %s's", async (from, to) => {
    const { onEnd, ...sides } = open();
    sides[from].socket.close(4000, "enough");
    expect(await sides[to].closed).toEqual([4000, "enough"]);
    vi.advanceTimersByTime(TIMEOUT_MS - 1);
    expect(onEnd).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(onEnd).toHaveBeenCalledOnce();
    expect(await sides[from].closed).toEqual(TOO_LONG);
    sides[to].socket.close(4000, "late");
  });

  it("is answered after a time also while a gate takes longer", async () => {
    const { client, origin, onEnd } = open({ rule: () => new Promise(() => {}) });
    client.socket.send("a");
    client.socket.close(4000, "enough");
    while (vi.getTimerCount() === 0) await scheduler.wait(1);
    vi.advanceTimersByTime(TIMEOUT_MS);
    expect(onEnd).toHaveBeenCalledOnce();
    expect([await client.closed, await origin.closed]).toEqual([TOO_LONG, TOO_LONG]);
  });
});

describe("a close frame that is answered", () => {
  it("leaves no timer behind", async () => {
    const { client, origin, onEnd } = open();
    client.socket.close();
    expect(await origin.closed).toEqual([1005, ""]);
    expect([vi.getTimerCount(), onEnd.mock.calls.length]).toEqual([1, 0]);
    origin.socket.close();
    expect(await client.closed).toEqual([1005, ""]);
    expect([vi.getTimerCount(), onEnd.mock.calls.length]).toEqual([0, 1]);
  });
});

describe("a gate that closes the connection", () => {
  const ruling = { kind: "close", code: 4009, reason: "enough" } as const;

  it("ends it when both sides have answered, and passes nothing on until then", async () => {
    const rule = vi.fn<Gate["rule"]>(() => ruling);
    const { client, origin, onEnd } = open({ rule });
    client.socket.send("a");
    expect([await client.closed, await origin.closed]).toEqual([
      [4009, "enough"],
      [4009, "enough"],
    ]);
    origin.socket.send("late");
    client.socket.send("late");
    client.socket.close(4009, "enough");
    await scheduler.wait(20);
    expect(rule).toHaveBeenCalledOnce();
    expect(onEnd).not.toHaveBeenCalled();
    origin.socket.close(4009, "enough");
    while (onEnd.mock.calls.length === 0) await scheduler.wait(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is not asked about what is dropped", async () => {
    const rule = vi.fn<Gate["rule"]>(() => scheduler.wait(20).then(() => ruling));
    const { client, origin } = open({ rule });
    for (const message of ["a", "b", "c"]) client.socket.send(message);
    await Promise.all([client.closed, origin.closed]);
    expect(rule.mock.calls).toEqual([["a"]]);
  });
});
