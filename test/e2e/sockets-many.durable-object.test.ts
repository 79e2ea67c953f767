import { describe, expect, it } from "vitest";
import { useGateway } from "../support/gateway.ts";
import { LONG_TIMEOUT } from "../support/ladder.ts";
import { connect, type SocketClient } from "../support/socket-client.ts";

const SOCKETS = 2_000;
const USERS = 20;
/** At once while they are opened: more would wait in the queue of the listening socket. */
const OPENING = 50;

const gateway = useGateway({
  STORE_TIMEOUT: LONG_TIMEOUT,
  POLICIES: [
    {
      name: "connections",
      match: "/limited",
      key: "global",
      on: "connection",
      limit: `${SOCKETS} concurrent`,
    },
    { name: "messages", match: "/limited", key: "header:x-user-id", on: "message", limit: "10000/minute" },
  ],
});

async function openAll(path: string): Promise<SocketClient[]> {
  const sockets: SocketClient[] = [];
  let next = 0;
  const openers = Array.from({ length: OPENING }, async () => {
    while (next < SOCKETS) {
      const user = `user-${next++ % USERS}`;
      const { socket, refused } = await connect(gateway.weir.url + path, { headers: { "X-User-Id": user } });
      expect(refused?.status).toBe(undefined);
      if (socket) sockets.push(socket);
    }
  });
  await Promise.all(openers);
  return sockets;
}

// One Worker, so one store is enough.
describe.each(["/plain", "/limited"])("two thousand sockets at once on %s", (path) => {
  it("all echo, and none is lost", { timeout: 60_000 }, async () => {
    const sockets = await openAll(path);
    for (const round of [1, 2, 3]) {
      for (const [i, socket] of sockets.entries()) socket.send(`socket ${i}`, Buffer.from([i & 255, round]));
      await Promise.all(sockets.map((socket) => socket.receive(2 * round)));
    }
    const expected = (i: number) => [1, 2, 3].flatMap((n) => [`socket ${i}`, Buffer.from([i & 255, n])]);
    for (const [i, { received }] of sockets.entries()) expect(received).toEqual(expected(i));
    expect((await connect(gateway.weir.url + path)).refused?.status).toBe(
      path === "/limited" ? 429 : undefined,
    );
    const farewells = await Promise.all(sockets.map((socket) => socket.close(1000, "bye")));
    expect(farewells).toEqual(Array(SOCKETS).fill({ code: 1000, reason: "bye" }));
  });
});
