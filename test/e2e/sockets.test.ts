import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { useBreakableGateway } from "../support/breakable-gateway.ts";
import { members, numbers } from "../support/fields.ts";
import { newAddress, useGateway } from "../support/gateway.ts";
import { signWithSecret } from "../support/issuer.ts";
import { LONG_TIMEOUT } from "../support/ladder.ts";
import { shareStore } from "../support/shared-store.ts";
import {
  type Attempt,
  connect,
  type Received,
  refusalFrame,
  type SocketClient,
} from "../support/socket-client.ts";

const PAGE = "https://page.example";
/** Seconds: a minute, and the two for which admissions are held ahead at most and count as used at their end. */
const LONGEST_WAIT = 62;
const JWT_SECRET = "a secret of at least thirty-two characters";

let users = 0;
/** A user that no other test knows, on an address of its own. */
function newUser(): Caller {
  users += 1;
  return { "X-User-Id": `user-of-a-test-${users}`, "CF-Connecting-IP": newAddress() };
}
type Caller = Readonly<Record<string, string>>;

const opened: SocketClient[] = [];
afterEach(() => {
  for (const socket of opened.splice(0)) socket.vanish();
});

/** Opens so many sockets, one after the other. */
async function attempts(times: number, url: string, headers: Caller, origin?: string): Promise<Attempt[]> {
  const found = [];
  for (let i = 0; i < times; i++) {
    const attempt = await connect(url, { headers, ...(origin !== undefined && { origin }) });
    if (attempt.socket) opened.push(attempt.socket);
    found.push(attempt);
  }
  return found;
}

async function open(url: string, headers: Caller): Promise<SocketClient> {
  const [attempt] = await attempts(1, url, headers);
  expect(attempt?.refused?.status).toBe(undefined);
  return attempt?.socket as SocketClient;
}

/** 101, or what the upgrade was answered with instead. */
const statuses = (found: readonly Attempt[]) => found.map(({ refused }) => refused?.status ?? 101);
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `message ${from + i}`);

/** What came, refusals apart: they do not wait for the origin, so they may come first. */
function sorted(received: readonly Received[]) {
  const frames = received.map(refusalFrame);
  return {
    passed: received.filter((_, i) => !frames[i]),
    refused: frames.flatMap((frame) => (frame ? [frame.policy] : [])),
  };
}

/** The system that Weir takes over: an HTTP and WebSocket application. */
const W = {
  STORE_TIMEOUT: LONG_TIMEOUT,
  JWT_SECRET,
  EXEMPT: ["GET /health", "GET /metrics"],
  POLICIES: [
    { name: "requests", key: "user | header:x-user-id | ip", limit: "60/minute" },
    { name: "connections", on: "connection", key: "user | header:x-user-id | ip", limit: "5 concurrent" },
    { name: "messages", on: "message", key: "user | header:x-user-id | ip", limit: "100/minute" },
  ],
};

describe("an application with five connections and a hundred messages a minute for each user", () => {
  const gateway = useGateway(W);
  const url = () => `${gateway.weir.url}/socket`;
  /** What the origin heard on a path. */
  const heard = (path: string) =>
    gateway.origin.heard.filter(({ url }) => url === path).map(({ message }) => message);

  it("answers a program's sixth upgrade with 429, its fields and a problem document", async () => {
    const user = newUser();
    const found = await attempts(6, url(), user);
    expect(statuses(found)).toEqual([101, 101, 101, 101, 101, 429]);
    const refused = found[5]?.refused as Response;
    expect(members(refused, "RateLimit-Policy")).toEqual([
      ["requests", { q: 60, w: 60 }],
      ["connections", { q: 5, qu: "concurrent-requests" }],
    ]);
    expect(numbers(refused)).toMatchObject({ limit: 5, remaining: 0, retryAfter: 1 });
    expect(refused.headers.get("content-type")).toBe("application/problem+json");
    expect(await refused.json()).toMatchObject({
      detail: "Limit of 5 concurrent connections reached; try again in 1 second.",
      "violated-policies": ["connections"],
    });
  });

  it("accepts a browser's sixth and closes it with 1008", async () => {
    const user = newUser();
    const before = gateway.origin.seen.length;
    const found = await attempts(6, url(), user, PAGE);
    expect(statuses(found)).toEqual(Array(6).fill(101));
    expect(await found[5]?.socket?.closed).toEqual({ code: 1008, reason: "rate limited; retry after 1s" });
    expect(found[5]?.socket?.received).toEqual([]);
    expect(found.slice(0, 5).map(({ socket }) => socket?.isOpen)).toEqual(Array(5).fill(true));
    expect(gateway.origin.seen.length).toBe(before);
  });

  it.each([
    ["says goodbye", (socket: SocketClient) => socket.close(4000, "enough")],
    ["is suddenly gone", async (socket: SocketClient) => socket.vanish()],
    [
      "is left by the origin",
      async (socket: SocketClient) => {
        socket.send("vanish");
        expect((await socket.closed).code).toBe(1011);
      },
    ],
  ])("accepts the next within moments when one %s", async (_, leave) => {
    const user = newUser();
    const found = await attempts(6, url(), user);
    await leave(found[2]?.socket as SocketClient);
    await expect
      .poll(async () => statuses(await attempts(1, url(), user)), { timeout: 2_000 })
      .toEqual([101]);
    expect(statuses(await attempts(1, url(), user))).toEqual([429]);
  });

  it("forgets connections that came and went", async () => {
    const user = { ...newUser() };
    // One request counts for each: a minute has room for sixty.
    for (let i = 0; i < 5; i++) {
      for (const { socket } of await attempts(5, url(), user)) await socket?.close();
      await expect.poll(async () => statuses(await attempts(1, url(), user))).toEqual([101]);
      await opened.at(-1)?.close();
      await sleep(50);
    }
    expect(statuses(await attempts(6, url(), user))).toEqual([101, 101, 101, 101, 101, 429]);
  });

  it("counts an upgrade as a request, and closes a browser's with 1013 when there were too many", async () => {
    const user = newUser();
    expect(statuses(await attempts(2, url(), user))).toEqual([101, 101]);
    const headers = { headers: user };
    for (let i = 0; i < 58; i++) expect((await gateway.send("/page", headers)).status).toBe(200);
    expect((await gateway.send("/page", headers)).status).toBe(429);
    const [refused] = await attempts(1, url(), user);
    expect(await refused?.refused?.json()).toMatchObject({ "violated-policies": ["requests"] });
    const [closed] = await attempts(1, url(), user, PAGE);
    const farewell = await closed?.socket?.closed;
    expect(farewell?.code).toBe(1013);
    expect(farewell?.reason).toMatch(/^rate limited; retry after [1-9]\d?s$/);
  });

  it("takes no connection for a request that is none, and nothing for exempt paths", async () => {
    const user = newUser();
    for (let i = 0; i < 10; i++) expect((await gateway.send("/page", { headers: user })).status).toBe(200);
    expect(statuses(await attempts(5, url(), user))).toEqual(Array(5).fill(101));
    for (const path of ["/health", "/metrics"]) {
      const answer = await gateway.send(path, { headers: user });
      expect([answer.status, answer.headers.has("ratelimit-policy")]).toEqual([200, false]);
    }
    expect(statuses(await attempts(3, `${gateway.weir.url}/health`, user))).toEqual([101, 101, 101]);
  });

  it("lets a hundred messages over two sockets of one user pass, in order, and no more", async () => {
    const user = newUser();
    const path = "/shared-by-two";
    const [one, other] = [
      await open(gateway.weir.url + path, user),
      await open(gateway.weir.url + path, user),
    ];
    one.send(...numbered(1, 50));
    expect(await one.receive(50)).toEqual(numbered(1, 50));
    other.send(...numbered(51, 100));
    expect(await other.receive(50)).toEqual(numbered(51, 100));
    one.send("message 101");
    const frame = refusalFrame((await one.receive(51))[50]);
    expect(frame).toEqual({
      type: "rate_limited",
      policy: "messages",
      retry_after_seconds: expect.any(Number),
    });
    expect(frame?.retry_after_seconds).toBeGreaterThan(50);
    expect(frame?.retry_after_seconds).toBeLessThanOrEqual(LONGEST_WAIT);
    other.send("message 102");
    expect(refusalFrame((await other.receive(51))[50])?.policy).toBe("messages");
    expect(heard(path)).toEqual(numbered(1, 100));
  });

  it("closes with 1008 after ten refused messages in a row", async () => {
    const user = newUser();
    const path = "/struck-out";
    const socket = await open(gateway.weir.url + path, user);
    socket.send(...numbered(1, 130));
    const farewell = await socket.closed;
    expect(farewell.code).toBe(1008);
    expect(farewell.reason).toMatch(/^rate limited; retry after [1-9]\d?s$/);
    expect(sorted(socket.received).refused).toEqual(Array(10).fill("messages"));
    expect(heard(path)).toEqual(numbered(1, 100));
  });

  it("keeps users apart", async () => {
    const [one, other] = [newUser(), newUser()];
    const mine = await open(url(), one);
    mine.send(...numbered(1, 101));
    expect(sorted(await mine.receive(101))).toEqual({ passed: numbered(1, 100), refused: ["messages"] });
    const theirs = await open(url(), other);
    theirs.send(...numbered(1, 100));
    expect(await theirs.receive(100)).toEqual(numbered(1, 100));
    expect(statuses(await attempts(4, url(), other))).toEqual(Array(4).fill(101));
  });

  it("knows a user by the token of the upgrade", async () => {
    const token = await signWithSecret({ sub: "user-of-a-token" }, JWT_SECRET);
    const from = () => ({ Authorization: `Bearer ${token}`, "CF-Connecting-IP": newAddress() });
    const found = [];
    for (let i = 0; i < 6; i++) found.push(...(await attempts(1, url(), from())));
    expect(statuses(found)).toEqual([101, 101, 101, 101, 101, 429]);
    const [one, other] = found.map(({ socket }) => socket) as [SocketClient, SocketClient];
    one.send(...numbered(1, 60));
    await one.receive(60);
    other.send(...numbered(61, 101));
    expect(sorted(await other.receive(41))).toEqual({ passed: numbered(61, 100), refused: ["messages"] });
  });

  it("leaves no slot behind where the origin refuses the upgrade", async () => {
    const user = newUser();
    const found = await attempts(8, `${gateway.weir.url}/unauthorized`, user);
    expect(statuses(found)).toEqual(Array(8).fill(401));
    expect(await found[0]?.refused?.text()).toBe("not with that token");
    await sleep(100);
    expect(statuses(await attempts(6, url(), user))).toEqual([101, 101, 101, 101, 101, 429]);
  });
});

describe("connections are limited", () => {
  const gateway = useGateway({
    STORE_TIMEOUT: LONG_TIMEOUT,
    POLICIES: [
      { name: "rate", match: "/rate", on: "connection", limit: "2/minute" },
      { name: "locked", match: "/locked", on: "connection", limit: "1/minute", lockout: "15m after 2 in 1m" },
      { name: "watched", match: "/watched", on: "connection", limit: "1 concurrent", mode: "shadow" },
      { name: "under-way", match: "/under-way", limit: "2 concurrent" },
    ],
  });

  it("as requests that are under way until they close, where the policy is about requests", async () => {
    const caller = newUser();
    const found = await attempts(3, `${gateway.weir.url}/under-way`, caller);
    expect(statuses(found)).toEqual([101, 101, 429]);
    expect((await gateway.send("/under-way", { headers: caller })).status).toBe(429);
    await found[0]?.socket?.close();
    await expect
      .poll(async () => (await gateway.send("/under-way", { headers: caller })).status, { timeout: 2_000 })
      .toBe(200);
  });

  it("by how many are opened, however soon they close, and pages beside them are not", async () => {
    const caller = newUser();
    const url = `${gateway.weir.url}/rate`;
    for (const { socket } of await attempts(2, url, caller)) await socket?.close();
    const page = await gateway.send("/rate", { headers: caller });
    expect([page.status, page.headers.has("ratelimit-policy")]).toEqual([200, false]);
    const [refused] = await attempts(1, url, caller);
    expect(await refused?.refused?.json()).toMatchObject({
      detail: expect.stringMatching(/^Limit of 2 connections per minute reached/),
    });
    const [closed] = await attempts(1, url, caller, PAGE);
    expect((await closed?.socket?.closed)?.code).toBe(1013);
  });

  it("for longer after too many refusals, which closes a browser's with 1008", async () => {
    const caller = newUser();
    const found = await attempts(3, `${gateway.weir.url}/locked`, caller, PAGE);
    expect(found[0]?.socket?.isOpen).toBe(true);
    expect((await found[1]?.socket?.closed)?.code).toBe(1013);
    expect(await found[2]?.socket?.closed).toEqual({
      code: 1008,
      reason: "rate limited; retry after 900s",
    });
  });

  it("by nothing where the policy is a shadow", async () => {
    expect(statuses(await attempts(4, `${gateway.weir.url}/watched`, newUser()))).toEqual(Array(4).fill(101));
    expect(gateway.weir.output()).toContain('"event":"shadow_refused","policy":"watched"');
  });
});

describe("messages are limited", () => {
  const user = { on: "message", key: "header:x-user-id" };
  const gateway = useGateway({
    STORE_TIMEOUT: LONG_TIMEOUT,
    POLICIES: [
      { ...user, name: "strict", match: "/strict", limit: "3/2s", strikes: 3 },
      { ...user, name: "bytes", match: "/bytes", limit: "1000/minute", cost: "bytes", strikes: 3 },
      { ...user, name: "bucket", match: "/bucket", limit: "60/minute", algorithm: "token-bucket", burst: 10 },
      { ...user, name: "fixed", match: "/fixed", limit: "5/day", algorithm: "fixed-window" },
      { ...user, name: "shadow", match: "/shadow", limit: "2/minute", mode: "shadow" },
      { ...user, name: "two", match: "/two", limit: "2/s, 4/minute" },
      { ...user, name: "mine", match: "/several", limit: "3/minute" },
      { ...user, name: "ours", match: "/several", key: "ip", limit: "5/minute" },
      { ...user, name: "mixed", match: "/mixed", limit: "4/minute", strikes: 1_000 },
    ],
  });
  const at = (path: string, caller = newUser()) => open(gateway.weir.url + path, caller);
  /** Sends messages one after the other: "passed", or the quota that refused and the seconds. */
  async function send(socket: SocketClient, ...messages: readonly (string | Buffer)[]): Promise<string[]> {
    const found: string[] = [];
    for (const message of messages) {
      socket.send(message);
      const answer = (await socket.receive(socket.received.length + 1)).at(-1);
      const frame = refusalFrame(answer);
      if (!frame) expect(answer).toEqual(message);
      found.push(frame ? `${frame.policy} ${frame.retry_after_seconds ?? "never"}` : "passed");
    }
    return found;
  }
  const passed = (times: number) => Array<string>(times).fill("passed");

  it("anew when their window has passed", async () => {
    const socket = await at("/strict");
    expect(await send(socket, "a", "b", "c", "d")).toEqual([...passed(3), "strict 2"]);
    await sleep(2_000);
    expect(await send(socket, "e", "f", "g", "h")).toEqual([...passed(3), "strict 2"]);
  });

  it("with strikes that are in a row: one that passes forgives those before", async () => {
    const socket = await at("/bytes");
    const large = Buffer.alloc(1_001);
    for (let i = 0; i < 3; i++)
      expect(await send(socket, large, large, "small")).toEqual(["bytes never", "bytes never", "passed"]);
    expect(await send(socket, large, large, large)).toEqual(Array(3).fill("bytes never"));
    expect(await socket.closed).toEqual({ code: 1008, reason: "rate limited" });
  });

  it("by their bytes, text and binary alike", async () => {
    const socket = await at("/bytes");
    // In UTF-8 four bytes for each of these.
    expect(await send(socket, Buffer.alloc(500), "😀".repeat(100))).toEqual(passed(2));
    const [refused] = await send(socket, Buffer.alloc(101));
    expect(refused).toMatch(/^bytes (5\d|6[012])$/);
    expect(await send(socket, "x".repeat(100))).toEqual(passed(1));
    expect(await send(socket, "")).toEqual([expect.stringMatching(/^bytes /)]);
  });

  it("by a token bucket, which fills again", async () => {
    const socket = await at("/bucket");
    expect(await send(socket, ...numbered(1, 11))).toEqual([...passed(10), "bucket 1"]);
    await sleep(1_000);
    expect(await send(socket, "again", "again")).toEqual(["passed", "bucket 1"]);
  });

  it("by a fixed window", async () => {
    const socket = await at("/fixed");
    const found = await send(socket, ...numbered(1, 7));
    expect(found.slice(0, 5)).toEqual(passed(5));
    expect(found.slice(5).every((answer) => /^fixed \d+$/.test(answer))).toBe(true);
  });

  it("by nothing where the policy is a shadow, which says so in the log", async () => {
    const socket = await at("/shadow");
    expect(await send(socket, ...numbered(1, 20))).toEqual(passed(20));
    expect(gateway.weir.output()).toContain('"event":"shadow_refused","policy":"shadow"');
  });

  it("by two quotas of one policy, named by the one that refuses", async () => {
    const socket = await at("/two");
    expect(await send(socket, "a", "b", "c")).toEqual([...passed(2), "two-second 1"]);
    await sleep(1_000);
    expect(await send(socket, "d", "e")).toEqual(passed(2));
    await sleep(1_000);
    expect(await send(socket, "f")).toEqual([expect.stringMatching(/^two-minute 5\d$/)]);
  });

  it("by several policies together: what one refuses charges none of the others", async () => {
    const [one, other] = [newUser(), newUser()];
    const first = await at("/several", one);
    const found = await send(first, ...numbered(1, 9));
    expect(found.slice(0, 3)).toEqual(passed(3));
    expect(found.slice(3).every((answer) => answer.startsWith("mine "))).toBe(true);
    const second = await at("/several", { ...other, "CF-Connecting-IP": one["CF-Connecting-IP"] ?? "" });
    expect(await send(second, "a", "b", "c")).toEqual([...passed(2), expect.stringMatching(/^ours /)]);
    const elsewhere = await at("/several", { ...other, "CF-Connecting-IP": newAddress() });
    expect(await send(elsewhere, "a", "b")).toEqual(["passed", expect.stringMatching(/^mine /)]);
  });

  it("in the order in which they came, refused ones among them, all sent at once", async () => {
    const socket = await at("/mixed");
    const messages = Array.from({ length: 50 }, (_, i) => (i % 2 ? `text ${i}` : Buffer.from([i, 0, 255])));
    socket.send(...messages);
    const { passed, refused } = sorted(await socket.receive(50));
    expect(passed).toEqual(messages.slice(0, 4));
    expect(refused).toEqual(Array(46).fill("mixed"));
    await socket.close();
  });
});

describe("while the store is away", () => {
  const user = { key: "header:x-user-id" };
  const policies = ["connections", "messages", "requests", "local"];
  const gateway = useBreakableGateway({
    STORE_TIMEOUT: "300ms",
    POLICIES: [
      { ...user, name: "connections", on: "connection", limit: "5 concurrent" },
      { ...user, name: "messages", match: "/socket", on: "message", limit: "5/minute" },
      {
        ...user,
        name: "local",
        match: "/local",
        on: "message",
        limit: "5/minute",
        on_store_error: "local",
      },
      { ...user, name: "many", match: "/many", on: "message", limit: "10000/minute" },
    ],
  });
  const url = () => `${gateway.weir.url}/socket`;
  afterEach(async () => {
    gateway.mendStore();
    // The breaker lets a call through after at most five seconds.
    await expect
      .poll(async () => statuses(await attempts(1, url(), newUser())), { timeout: 8_000 })
      .toEqual([101]);
  });

  it("messages flow, connections are refused, and afterwards counting goes on", async () => {
    const caller = newUser();
    const socket = await open(url(), caller);
    socket.send(...numbered(1, 2));
    await socket.receive(2);
    gateway.breakStore(...policies);
    socket.send(...numbered(3, 40));
    expect(await socket.receive(40)).toEqual(numbered(1, 40));
    const [refused] = await attempts(1, url(), newUser());
    expect([refused?.refused?.status, refused?.refused?.headers.get("retry-after")]).toEqual([503, "1"]);
    const [closed] = await attempts(1, url(), newUser(), PAGE);
    expect(await closed?.socket?.closed).toEqual({ code: 1013, reason: "unavailable; retry after 1s" });
    gateway.mendStore();
    await expect
      .poll(
        async () => {
          socket.send("one more");
          return refusalFrame((await socket.receive(socket.received.length + 1)).at(-1))?.policy;
        },
        { timeout: 8_000 },
      )
      .toBe("messages");
    expect(socket.isOpen).toBe(true);
  });

  it("an isolate limits messages by itself where the policy says so", async () => {
    const socket = await open(`${gateway.weir.url}/local`, newUser());
    gateway.breakStore(...policies);
    socket.send(...numbered(1, 8));
    const { passed, refused } = sorted(await socket.receive(8));
    expect(passed).toEqual(numbered(1, 5));
    expect(refused).toEqual(Array(3).fill("local"));
  });

  it("a thousand messages at a high limit ask the store only a few times", async () => {
    const socket = await open(`${gateway.weir.url}/many`, newUser());
    await gateway.resetCalls();
    for (let i = 0; i < 100; i++) {
      socket.send(...numbered(i * 10 + 1, i * 10 + 10));
      await sleep(10);
    }
    expect(await socket.receive(1_000)).toEqual(numbered(1, 1_000));
    expect(gateway.storeCalls).toBeLessThan(30);
  });
});

describe("a Worker that holds five sockets", () => {
  const RENEW_MS = 400;
  const EXPIRY_MS = 1_600;

  it("keeps their slots while it lives, silent as they are, and loses them when it dies", async () => {
    const start = await shareStore({
      STORE_TIMEOUT: LONG_TIMEOUT,
      SLOT_RENEW: `${RENEW_MS}ms`,
      SLOT_EXPIRY: `${EXPIRY_MS}ms`,
      POLICIES: [{ name: "connections", on: "connection", limit: "5 concurrent" }],
    });
    const caller = newUser();
    const first = await start();
    const found = await attempts(5, first.url, caller);
    expect(statuses(found)).toEqual(Array(5).fill(101));
    const startMs = performance.now();
    while (performance.now() - startMs < 2 * EXPIRY_MS) {
      expect(statuses(await attempts(1, first.url, caller))).toEqual([429]);
      await sleep(100);
    }
    process.kill(first.pid, "SIGKILL");
    expect(await found[0]?.socket?.closed).toEqual({ code: 1006, reason: "" });
    const diedMs = performance.now();
    const second = await start();
    expect(statuses(await attempts(1, second.url, caller))).toEqual([429]);
    await sleep(EXPIRY_MS + 100 - (performance.now() - diedMs));
    expect(statuses(await attempts(6, second.url, caller))).toEqual([101, 101, 101, 101, 101, 429]);
  });
});
