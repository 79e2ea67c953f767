import { once } from "node:events";
import { get } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { members, numbers } from "../support/fields.ts";
import { newAddress, useGateway } from "../support/gateway.ts";
import { LONG_TIMEOUT } from "../support/ladder.ts";
import { shareStore } from "../support/shared-store.ts";
import type { RunningWorker } from "../support/workerd.ts";

/** Which path which policy applies to: the origin answers `/case-5/held` as it does `/held`. */
const POLICIES = [
  { name: "five", match: "/case-5/*", limit: "5 concurrent" },
  { name: "one", match: "/case-1/*", limit: "1 concurrent" },
  { name: "both", match: "/case-2/*", limit: "2 concurrent, 5/minute" },
  { name: "user", match: "/case-3/*", key: "header:x-user-id", limit: "2 concurrent" },
  { name: "soon", match: "/case-4/*", limit: "2 concurrent, 3/2s" },
  { name: "address", match: "/case-3/*", key: "ip", limit: "3/minute" },
];
const gateway = useGateway({ POLICIES, STORE_TIMEOUT: LONG_TIMEOUT });

const statuses = (answers: readonly Response[]) => answers.map(({ status }) => status);
const remaining = (answer: Response) => members(answer, "RateLimit").map(([name, { r }]) => [name, r]);

/** Opens so many requests whose bodies have begun and do not end; one after the other. */
async function open(times: number, path: string, from: string, init: RequestInit = {}): Promise<Response[]> {
  const answers = [];
  for (let i = 0; i < times; i++)
    answers.push(await gateway.send(`${path}?first=first&of=${from}`, { ...init, from }));
  return answers;
}

/** Ends so many of a caller's open answers, oldest first. */
function end(times: number, from: string): void {
  const own = [...gateway.origin.held].filter(({ url }) => url.endsWith(from));
  for (const answer of own.slice(0, times)) answer.end();
}

/** As soon as a caller of `/case-5` has so many of the five slots free. */
const untilFree = (count: number, from: string) =>
  expect
    .poll(async () => remaining(await gateway.send("/case-5/sized", { from }))[0]?.[1], { timeout: 5_000 })
    .toBe(count - 1);

describe("five requests at the same time", () => {
  it("leave no room for a sixth, which is told so", async () => {
    const from = newAddress();
    const five = await open(5, "/case-5/held", from);
    expect(statuses(five)).toEqual([200, 200, 200, 200, 200]);
    expect(five.map((answer) => remaining(answer)[0]?.[1])).toEqual([4, 3, 2, 1, 0]);
    expect(five.map((answer) => answer.headers.has("retry-after"))).toEqual(Array(5).fill(false));
    const before = gateway.origin.seen.length;
    const sixth = await gateway.send("/case-5/held", { from });
    expect(sixth.status).toBe(429);
    expect(members(sixth, "RateLimit-Policy")).toEqual([["five", { q: 5, qu: "concurrent-requests" }]]);
    expect(remaining(sixth)).toEqual([["five", 0]]);
    expect(numbers(sixth)).toMatchObject({ limit: 5, remaining: 0, retryAfter: 1 });
    expect(await sixth.json()).toMatchObject({
      detail: "Limit of 5 concurrent requests reached; try again in 1 second.",
      "violated-policies": ["five"],
      retry_after_seconds: 1,
    });
    expect(gateway.origin.seen.length).toBe(before);
    end(5, from);
  });

  it("make room for the next as soon as one body has ended, and not before", async () => {
    const from = newAddress();
    const [first] = await open(5, "/case-5/held", from);
    const reader = first?.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect(await reader?.read()).toEqual({ done: false, value: "first" });
    for (let i = 0; i < 5; i++) {
      expect(statuses(await open(1, "/case-5/held", from))).toEqual([429]);
      await sleep(50);
    }
    end(1, from);
    expect(await reader?.read()).toEqual({ done: false, value: "last" });
    expect((await reader?.read())?.done).toBe(true);
    await expect
      .poll(async () => statuses(await open(1, "/case-5/held", from)), { timeout: 2_000 })
      .toEqual([200]);
    expect(statuses(await open(1, "/case-5/held", from))).toEqual([429]);
    end(5, from);
  });

  it("count before the origin has answered, too", async () => {
    const from = newAddress();
    const waiting = Array.from({ length: 5 }, () => gateway.send(`/case-5/held?of=${from}`, { from }));
    const own = () => [...gateway.origin.held].filter(({ url }) => url.endsWith(from));
    await expect.poll(() => own().length).toBe(5);
    expect(statuses(await open(1, "/case-5/held", from))).toEqual([429]);
    end(5, from);
    expect(statuses(await Promise.all(waiting))).toEqual(Array(5).fill(200));
    await untilFree(5, from);
  });

  it("are five of each caller", async () => {
    const [one, other] = [newAddress(), newAddress()];
    expect(statuses(await open(6, "/case-5/held", one))).toEqual([200, 200, 200, 200, 200, 429]);
    expect(statuses(await open(5, "/case-5/held", other))).toEqual(Array(5).fill(200));
    end(5, one);
    end(5, other);
  });

  it("are five of a hundred that come at once", async () => {
    const from = newAddress();
    const path = `/case-5/held?first=first&of=${from}`;
    const answers = await Promise.all(Array.from({ length: 100 }, () => gateway.send(path, { from })));
    expect(statuses(answers).filter((status) => status === 200)).toHaveLength(5);
    end(5, from);
    await untilFree(5, from);
  });
});

/** Sends a request that the origin does not end, and breaks the connection. */
async function leave(path: string, from: string): Promise<void> {
  const before = gateway.origin.seen.length;
  const request = get(gateway.weir.url + path, { agent: false, headers: { "CF-Connecting-IP": from } });
  request.on("error", () => {});
  const [socket] = (await once(request, "socket")) as [Socket];
  await expect.poll(() => gateway.origin.seen.length).toBe(before + 1);
  // A connection that is only closed looks half-open to workerd until it writes.
  socket.resetAndDestroy();
}

/** Ways in which a request ends, each of which has to give its slot back. */
const ENDINGS: Readonly<Record<string, (from: string) => Promise<unknown>>> = {
  "a body of known length": async (from) => {
    const answer = await gateway.send("/case-5/sized", { from });
    expect([answer.headers.get("content-length"), await answer.text()]).toEqual(["5", "sized"]);
  },
  "a body that drips": async (from) => {
    const answer = await gateway.send("/case-5/drip", { from });
    expect(answer.headers.get("content-length")).toBe(null);
    expect(await answer.text()).toBe("firstsecond");
  },
  "a packed body": async (from) => {
    expect(await (await gateway.send("/case-5/gzip", { from })).text()).toBe("unpacked");
  },
  "an answer to HEAD": async (from) => {
    const answer = await gateway.send("/case-5/sized", { from, method: "HEAD" });
    expect([answer.status, answer.headers.get("content-length")]).toEqual([200, "5"]);
  },
  "204 without a body": async (from) => {
    expect((await gateway.send("/case-5/no-content", { from })).status).toBe(204);
  },
  "304 without a body": async (from) => {
    const headers = { "If-None-Match": '"v1"' };
    expect((await gateway.send("/case-5/cached", { from, headers })).status).toBe(304);
  },
  "a redirect": async (from) => {
    expect((await gateway.send("/case-5/redirect", { from })).status).toBe(302);
  },
  "an error of the origin": async (from) => {
    expect((await gateway.send("/case-5/error", { from })).status).toBe(500);
  },
  "an origin that breaks the connection": async (from) => {
    expect((await gateway.send("/case-5/reset", { from })).status).toBe(502);
  },
  "an origin that breaks off in mid-stream": async (from) => {
    const answer = await gateway.send("/case-5/half", { from });
    await expect(answer.text()).rejects.toThrow();
  },
  "a client that leaves in mid-stream": async (from) => {
    const leaving = new AbortController();
    const answer = await gateway.send("/case-5/endless", { from, signal: leaving.signal });
    await answer.body?.getReader().read();
    leaving.abort();
  },
  "a client that leaves while its stream is silent": (from) =>
    leave(`/case-5/held?first=first&of=${from}`, from),
  "a client that leaves before the answer": (from) => leave(`/case-5/held?of=${from}`, from),
};

describe("a slot is given back by", () => {
  it.each(Object.entries(ENDINGS))("%s", async (_, ending) => {
    const from = newAddress();
    for (let i = 0; i < 5; i++) await ending(from);
    await untilFree(5, from);
  });

  it("every one of hundreds that end in any way and order, while there are never more than five", async () => {
    const from = newAddress();
    let [admitted, refused, most] = [0, 0, 0];
    const underWay = new Set<symbol>();
    const own = () => [...gateway.origin.held].filter(({ url }) => url.includes(from));
    const callers = Array.from({ length: 12 }, async (_, caller) => {
      for (let i = 0; i < 25; ) {
        const leaving = new AbortController();
        const id = `of=${from}-${caller}-${i}`;
        const path = `/case-5/held?first=first&${id}`;
        const answer = await gateway.send(path, { from, signal: leaving.signal });
        if (answer.status === 429) {
          refused += 1;
          await sleep(10);
          continue;
        }
        expect(answer.status).toBe(200);
        admitted += 1;
        i += 1;
        const here = Symbol();
        underWay.add(here);
        most = Math.max(most, underWay.size);
        await sleep(Math.random() * 60);
        underWay.delete(here);
        const isLeaving = Math.random() < 0.5;
        if (isLeaving) leaving.abort();
        own()
          .find(({ url }) => url.endsWith(id))
          ?.end();
        if (!isLeaving) await answer.text();
      }
    });
    await Promise.all(callers);
    expect(most).toBe(5);
    expect(Math.min(admitted, refused)).toBeGreaterThan(20);
    await untilFree(5, from);
    expect(statuses(await open(6, "/case-5/held", from))).toEqual([200, 200, 200, 200, 200, 429]);
    end(5, from);
  });
});

describe("Retry-After", () => {
  it("says how long requests have taken lately", async () => {
    const from = newAddress();
    for (let i = 0; i < 2; i++) {
      await expect.poll(async () => statuses(await open(1, "/case-1/held", from))).toEqual([200]);
      await sleep(2_200);
      end(1, from);
    }
    await expect.poll(async () => statuses(await open(1, "/case-1/held", from))).toEqual([200]);
    const refused = await gateway.send("/case-1/sized", { from });
    expect([refused.status, numbers(refused).retryAfter]).toEqual([429, 3]);
    end(1, from);
  });
});

describe("a limit at the same time beside others", () => {
  it("is a quota of its own in the fields of one policy", async () => {
    const from = newAddress();
    const [answer] = await open(1, "/case-2/held", from);
    expect(answer && members(answer, "RateLimit-Policy")).toEqual([
      ["both-concurrent", { q: 2, qu: "concurrent-requests" }],
      ["both-minute", { q: 5, w: 60 }],
    ]);
    expect(answer && remaining(answer)).toEqual([
      ["both-concurrent", 1],
      ["both-minute", 4],
    ]);
    end(1, from);
  });

  it("refuses without charging the other quota", async () => {
    const from = newAddress();
    await open(2, "/case-2/held", from);
    for (let i = 0; i < 5; i++) {
      const refused = await gateway.send("/case-2/sized", { from });
      expect(refused.status).toBe(429);
      expect(await refused.json()).toMatchObject({ "violated-policies": ["both-concurrent"] });
    }
    end(2, from);
    const next = () => gateway.send("/case-2/sized", { from });
    let answer = await next();
    while (answer.status === 429) answer = await next();
    expect(remaining(answer)[1]).toEqual(["both-minute", 2]);
  });

  it("takes no slot for what the other quota refuses", async () => {
    const from = newAddress();
    const next = () => gateway.send("/case-4/sized", { from });
    for (let i = 0; i < 3; i++) await expect.poll(async () => (await next()).status).toBe(200);
    const startMs = performance.now();
    for (let i = 0; i < 10; i++) {
      const refused = await next();
      expect(await refused.json()).toMatchObject({ "violated-policies": ["soon-2s"] });
    }
    await sleep(2_000 - (performance.now() - startMs));
    await expect.poll(async () => statuses(await open(1, "/case-4/held", from))).toEqual([200]);
    const [second] = await open(1, "/case-4/held", from);
    expect(second && remaining(second)[0]).toEqual(["soon-concurrent", 0]);
    end(2, from);
  });

  it("of another key: neither is charged for what the other refuses", async () => {
    const from = newAddress();
    const as = (user: string) => ({ headers: { "X-User-Id": `${from}-${user}` } });
    expect(statuses(await open(3, "/case-3/held", from, as("one")))).toEqual([200, 200, 429]);
    // The address has one left: it goes to another user, and then there is none.
    const [third] = await open(1, "/case-3/held", from, as("two"));
    expect(third && remaining(third)).toEqual([
      ["user", 1],
      ["address", 0],
    ]);
    expect(statuses(await open(2, "/case-3/held", from, as("two")))).toEqual([429, 429]);
    // What the address refused holds no slot of the user's: from elsewhere there is room for one more.
    const elsewhere = newAddress();
    expect(statuses(await open(2, "/case-3/held", elsewhere, as("two")))).toEqual([200, 429]);
    end(3, from);
    end(1, elsewhere);
  });
});

// Long enough that a busy machine is not late for it.
const RENEW_MS = 400;
const EXPIRY_MS = 1_600;

describe("what holds slots", () => {
  const vars = {
    STORE_TIMEOUT: LONG_TIMEOUT,
    SLOT_RENEW: `${RENEW_MS}ms`,
    SLOT_EXPIRY: `${EXPIRY_MS}ms`,
    POLICIES: [{ name: "five", key: "global", limit: "5 concurrent" }],
  };

  const hold = async ({ url }: RunningWorker) => (await fetch(`${url}/held?first=first`)).status;

  it("keeps them for longer than their expiry while it lives, and loses them when it dies", async () => {
    const start = await shareStore(vars);
    const first = await start();
    for (let i = 0; i < 5; i++) expect(await hold(first)).toBe(200);
    const startMs = performance.now();
    while (performance.now() - startMs < 2 * EXPIRY_MS) {
      expect((await fetch(first.url)).status).toBe(429);
      await sleep(100);
    }
    process.kill(first.pid, "SIGKILL");
    const diedMs = performance.now();
    const second = await start();
    expect((await fetch(second.url)).status).toBe(429);
    await expect
      .poll(async () => (await fetch(second.url)).status, { timeout: 2 * EXPIRY_MS, interval: 50 })
      .toBe(200);
    expect(performance.now() - diedMs).toBeGreaterThan(EXPIRY_MS - RENEW_MS - 500);
    // All of them, and no more.
    const found = [];
    await sleep(EXPIRY_MS);
    for (let i = 0; i < 6; i++) found.push(await hold(second));
    expect(found).toEqual([200, 200, 200, 200, 200, 429]);
  });
});
