import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createKeySet, type KeySet, type KeySetParts } from "../../src/key/key-set.ts";
import { createTokenVerifier } from "../../src/key/token-verifier.ts";
import { createDeadline } from "../../src/store/deadline.ts";

const START_MS = 1_800_000_000_000;
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
/** Waits are for real sockets, so in real time: longer than any answer takes, or not long. The clock is the tests'. */
const PATIENCE_MS = 10_000;
const SHORT_WAIT_MS = 60;
const LIMIT_BYTES = 256 * 1024;

interface Pair {
  readonly jwk: JWK;
  readonly token: string;
}

/** A key of that name, and a token of it. */
async function pairOf(kid: string): Promise<Pair> {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const token = new SignJWT({ sub: kid }).setProtectedHeader({ alg: "ES256", kid });
  return { jwk: { ...(await exportJWK(publicKey)), kid }, token: await token.sign(privateKey) };
}

const [one, two, three] = await Promise.all([pairOf("one"), pairOf("two"), pairOf("three")]);

const base64Url = (text: string) => Buffer.from(text).toString("base64url");
/** A token of a key that nobody has. */
const strange = (kid: string) => `${base64Url(JSON.stringify({ alg: "ES256", kid }))}.e30.c2ln`;

const answering =
  (text: string, status = 200, headers: Readonly<Record<string, string>> = {}): RequestListener =>
  (_, response) => {
    response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(text);
  };
const publishing = (...keys: readonly unknown[]) => answering(JSON.stringify({ keys }));
const publishingOf = (...pairs: readonly Pair[]) => publishing(...pairs.map(({ jwk }) => jwk));
const hanging: RequestListener = () => {};
const gone: RequestListener = (request) => request.socket.destroy();
const down = answering("{}", 500);

/** A key endpoint on a real socket. */
const endpoint = { url: "", answer: hanging, asked: 0 };
const server = createServer((request, response) => {
  endpoint.asked += 1;
  endpoint.answer(request, response);
});
const background: Promise<unknown>[] = [];
/** Until no fetch is under way. */
const settled = () => Promise.all(background);

beforeEach(async () => {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  endpoint.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  endpoint.answer = publishingOf(one);
  endpoint.asked = 0;
});
afterEach(async () => {
  vi.useRealTimers();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  await settled();
  background.length = 0;
});

function partsOf(changes: Partial<KeySetParts> = {}) {
  const clock = { nowMs: START_MS };
  const reports: string[] = [];
  const parts: KeySetParts = {
    now: () => clock.nowMs,
    keyWaitMs: PATIENCE_MS,
    waitUntil: (work) => background.push(work),
    report: (reason) => reports.push(reason),
    ...changes,
  };
  return { clock, reports, parts };
}

/** Requests with tokens, at times that the tests set. */
function open(changes: Partial<KeySetParts> = {}) {
  const { clock, reports, parts } = partsOf(changes);
  const keys = { kind: "key-set", url: endpoint.url } as const;
  const verify = createTokenVerifier({ keys, issuer: undefined, audience: undefined }, parts);
  /** Whose token it is, and whether its request had to wait. */
  async function ask(token: string, deadline = createDeadline(PATIENCE_MS)) {
    const race = vi.spyOn(deadline, "race");
    const claims = await verify(`Bearer ${token}`, deadline);
    deadline.clear();
    return { sub: claims?.sub, waited: race.mock.calls.length > 0 };
  }
  return { clock, reports, ask, sub: async (token: string) => (await ask(token)).sub };
}

const refusedAtOnce = { sub: undefined, waited: false };
const refusedAfterWait = { sub: undefined, waited: true };

describe("keys", () => {
  it("are fetched when a token needs them first, and once", async () => {
    const { ask } = open();
    expect(endpoint.asked).toBe(0);
    expect(await ask(one.token)).toEqual({ sub: "one", waited: true });
    expect(await ask(one.token)).toEqual({ sub: "one", waited: false });
    expect(endpoint.asked).toBe(1);
  });

  it("are fetched once for all who need them at the same time", async () => {
    const { sub } = open();
    const subs = await Promise.all(Array.from({ length: 20 }, () => sub(one.token)));
    expect([new Set(subs), endpoint.asked]).toEqual([new Set(["one"]), 1]);
  });

  it("that cannot be used do not hurt the others", async () => {
    const secret = { kty: "oct", k: "AAAA", kid: "one" };
    const wrong = [secret, { ...one.jwk, d: one.jwk.x }, { ...one.jwk, x: "!" }, { ...one.jwk, key_ops: 5 }];
    const noKeys = [null, 7, "key", [], {}, { kty: "EC" }, { ...one.jwk, crv: "P-999" }];
    endpoint.answer = publishing(...noKeys, ...wrong, one.jwk, two.jwk);
    const { sub, reports } = open();
    expect([await sub(one.token), await sub(two.token), reports]).toEqual(["one", "two", []]);
  });

  it("may fill 256 KiB, and be compressed", async () => {
    const text = JSON.stringify({ keys: [one.jwk] });
    endpoint.answer = answering(text.padEnd(LIMIT_BYTES));
    expect(await open().sub(one.token)).toBe("one");
    endpoint.answer = (_, response) => {
      response.writeHead(200, { "Content-Encoding": "gzip" }).end(gzipSync(text));
    };
    expect(await open().sub(one.token)).toBe("one");
  });

  it("are asked for past every cache", async () => {
    let cacheControl: string | undefined;
    endpoint.answer = (request, response) => {
      cacheControl = request.headers["cache-control"];
      response.end();
    };
    await open().sub(one.token);
    expect(cacheControl).toBe("no-cache");
  });
});

const huge = "x".repeat(LIMIT_BYTES);

/** What endpoints may do, and what is said of it. */
const FAILURES: Readonly<Record<string, readonly [RequestListener, string]>> = {
  "answers 500": [down, "status 500"],
  "answers 404 with keys": [answering(JSON.stringify({ keys: [one.jwk] }), 404), "status 404"],
  "answers 204": [answering("", 204), "status 204"],
  redirects: [answering("", 302, { Location: "/elsewhere" }), "status 302"],
  "answers in HTML": [answering("<!doctype html><p>Sign in"), "not a key set"],
  "answers nothing": [answering(""), "not a key set"],
  "answers null": [answering("null"), "not a key set"],
  "answers a list": [answering(JSON.stringify([one.jwk])), "not a key set"],
  "answers one key": [answering(JSON.stringify(one.jwk)), "not a key set"],
  "answers keys by name": [answering(JSON.stringify({ keys: { one: one.jwk } })), "not a key set"],
  "answers half": [answering(JSON.stringify({ keys: [one.jwk] }).slice(0, -9)), "not a key set"],
  "breaks off": [
    (request, response) => {
      response.writeHead(200, { "Content-Length": 1_000 });
      response.write('{"keys":[', () => request.socket.destroy());
    },
    "unreachable",
  ],
  "answers a byte too much": [answering(JSON.stringify({ keys: [] }).padEnd(LIMIT_BYTES + 1)), "too large"],
  "answers without end": [
    (_, response) => {
      const more = () => response.write(huge, () => response.writableEnded || more());
      response.on("error", () => {});
      more();
    },
    "too large",
  ],
  "hangs up": [gone, "unreachable"],
};

describe.each(Object.entries(FAILURES))("an endpoint that %s", (_, [answer, reason]) => {
  it("leaves tokens without claims, at once for the next five seconds", async () => {
    endpoint.answer = answer;
    const { ask, clock, reports } = open();
    expect(await ask(one.token)).toEqual(refusedAfterWait);
    clock.nowMs += 5 * SECOND_MS - 1;
    expect(await ask(one.token)).toEqual(refusedAtOnce);
    expect([reports, endpoint.asked]).toEqual([[reason], 1]);
    endpoint.answer = publishingOf(one);
    clock.nowMs += 1;
    expect(await ask(one.token)).toEqual({ sub: "one", waited: true });
  });

  it("takes away no keys that were there before", async () => {
    const { ask, clock, reports } = open();
    await ask(one.token);
    endpoint.answer = answer;
    clock.nowMs += MINUTE_MS;
    expect(await ask(strange("other"))).toEqual(refusedAfterWait);
    clock.nowMs += 20 * MINUTE_MS;
    expect(await ask(one.token)).toEqual({ sub: "one", waited: false });
    await settled();
    expect([reports, endpoint.asked]).toEqual([[reason, reason], 3]);
  });
});

describe("an endpoint that hangs", () => {
  it("keeps a request no longer than its share of the time, and the next ones not at all", async () => {
    endpoint.answer = hanging;
    const { ask, clock } = open({ keyWaitMs: SHORT_WAIT_MS });
    const startedMs = performance.now();
    expect(await Promise.all([ask(one.token), ask(one.token)])).toEqual([refusedAfterWait, refusedAfterWait]);
    expect(performance.now() - startedMs).toBeGreaterThan(SHORT_WAIT_MS - 5);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    for (const passedMs of [SHORT_WAIT_MS, 1_000, 3_000]) {
      clock.nowMs += passedMs;
      expect(await ask(one.token)).toEqual(refusedAtOnce);
    }
    await vi.waitFor(() => expect(endpoint.asked).toBe(1));
  });

  it("keeps a request no longer than its own deadline", async () => {
    endpoint.answer = hanging;
    const { ask } = open();
    expect(await ask(one.token, createDeadline(20))).toEqual(refusedAfterWait);
  });

  it("still serves later requests when it answers at last", async () => {
    let release = () => {};
    const released = new Promise<void>((done) => {
      release = done;
    });
    endpoint.answer = (request, response) => released.then(() => publishingOf(one)(request, response));
    const { ask, clock, reports } = open({ keyWaitMs: SHORT_WAIT_MS });
    expect(await ask(one.token)).toEqual(refusedAfterWait);
    clock.nowMs += SHORT_WAIT_MS;
    expect(await ask(one.token)).toEqual(refusedAtOnce);
    release();
    await settled();
    expect(await ask(one.token)).toEqual({ sub: "one", waited: false });
    expect([endpoint.asked, reports]).toEqual([1, []]);
  });

  it("does not keep requests whose keys are at hand", async () => {
    const { ask, clock } = open({ keyWaitMs: SHORT_WAIT_MS });
    await ask(one.token);
    await settled();
    endpoint.answer = hanging;
    clock.nowMs += MINUTE_MS;
    expect(await ask(strange("other"))).toEqual(refusedAfterWait);
    clock.nowMs += 20 * MINUTE_MS;
    expect(await ask(one.token)).toEqual({ sub: "one", waited: false });
  });
});

describe("an unknown key", () => {
  it("is fetched, and its token is valid at once", async () => {
    const { ask, clock } = open();
    await ask(one.token);
    endpoint.answer = publishingOf(one, two);
    clock.nowMs += MINUTE_MS;
    const both = await Promise.all([ask(two.token), ask(two.token)]);
    expect(both).toEqual(Array(2).fill({ sub: "two", waited: true }));
    expect([await ask(one.token), endpoint.asked]).toEqual([{ sub: "one", waited: false }, 2]);
  });

  it("is asked for once a minute at most, counted from the last time", async () => {
    const { ask, clock } = open();
    await ask(one.token);
    endpoint.answer = publishingOf(two, three);
    clock.nowMs += MINUTE_MS - 1;
    expect([await ask(two.token), endpoint.asked]).toEqual([refusedAtOnce, 1]);
    clock.nowMs += 1;
    expect([await ask(two.token), endpoint.asked]).toEqual([{ sub: "two", waited: true }, 2]);
    clock.nowMs += MINUTE_MS - 1;
    expect([await ask(one.token), endpoint.asked]).toEqual([refusedAtOnce, 2]);
  });

  it("is asked for once a minute at most when that fails", async () => {
    const { ask, clock, reports } = open();
    await ask(one.token);
    endpoint.answer = down;
    for (let i = 0; i < 10; i++) {
      clock.nowMs += MINUTE_MS / 4;
      await ask(two.token);
    }
    // After the first, at 60, 120 seconds.
    expect([endpoint.asked, reports]).toEqual([3, ["status 500", "status 500"]]);
  });

  it("is asked for once a minute at most, even if a thousand are", async () => {
    const { ask, clock } = open();
    await ask(one.token);
    for (let minute = 1; minute <= 3; minute++) {
      clock.nowMs += MINUTE_MS;
      const asked = Array.from({ length: 1_000 }, (_, i) => ask(strange(`${minute} ${i}`)));
      expect(new Set((await Promise.all(asked)).map(({ sub }) => sub))).toEqual(new Set([undefined]));
      expect(await ask(strange("one more"))).toEqual(refusedAtOnce);
      expect(endpoint.asked).toBe(minute + 1);
    }
    expect(await ask(one.token)).toEqual({ sub: "one", waited: false });
  });

  it("is none because a token of a known one is not valid", async () => {
    const { ask, clock } = open();
    await ask(one.token);
    clock.nowMs += MINUTE_MS;
    const forged = `${one.token.slice(0, one.token.lastIndexOf("."))}.c2ln`;
    const ofOtherKind = await new SignJWT().setProtectedHeader({ alg: "HS256" }).sign(new Uint8Array(32));
    expect(await ask(forged)).toEqual(refusedAtOnce);
    expect(await ask(ofOtherKind)).toEqual(refusedAtOnce);
    expect(endpoint.asked).toBe(1);
  });

  it("comes with keys that somebody else has fetched meanwhile", async () => {
    const { clock, parts } = partsOf();
    const set = createKeySet(endpoint.url, parts);
    const old = await set.newer(undefined, createDeadline(PATIENCE_MS));
    endpoint.answer = publishingOf(two);
    clock.nowMs += MINUTE_MS;
    const fresh = await set.newer(old, createDeadline(PATIENCE_MS));
    clock.nowMs += MINUTE_MS;
    expect(await set.newer(old, createDeadline(PATIENCE_MS))).toBe(fresh);
    expect([fresh === old, endpoint.asked]).toEqual([false, 2]);
    expect(await set.newer(fresh, createDeadline(PATIENCE_MS))).toBeUndefined();
    expect(endpoint.asked).toBe(3);
  });
});

describe("old keys", () => {
  it("are fetched anew in the background after ten minutes", async () => {
    const { ask, clock } = open();
    await ask(one.token);
    endpoint.answer = publishingOf(two);
    clock.nowMs += 10 * MINUTE_MS - 1;
    expect(await ask(one.token)).toEqual({ sub: "one", waited: false });
    await settled();
    expect(endpoint.asked).toBe(1);
    clock.nowMs += 1;
    expect(await Promise.all([ask(one.token), ask(one.token)])).toEqual(
      Array(2).fill({ sub: "one", waited: false }),
    );
    await settled();
    expect(endpoint.asked).toBe(2);
    expect([await ask(one.token), await ask(two.token)]).toEqual([
      refusedAtOnce,
      { sub: "two", waited: false },
    ]);
  });

  it("are the same keys when nothing changed, and young again", async () => {
    const { clock, parts } = partsOf();
    const set = createKeySet(endpoint.url, parts);
    const keys = await set.newer(undefined, createDeadline(PATIENCE_MS));
    clock.nowMs += 10 * MINUTE_MS;
    expect(set.current()).toBe(keys);
    await settled();
    clock.nowMs += 10 * MINUTE_MS - 1;
    expect(set.current()).toBe(keys);
    await settled();
    expect(endpoint.asked).toBe(2);
  });

  it("serve while the endpoint is away, and give way when it comes back", async () => {
    const { ask, clock, reports } = open();
    await ask(one.token);
    server.closeAllConnections();
    endpoint.answer = gone;
    clock.nowMs += 10 * MINUTE_MS;
    for (let i = 0; i < 4; i++) {
      expect(await ask(one.token)).toEqual({ sub: "one", waited: false });
      await settled();
      clock.nowMs += MINUTE_MS / 2;
    }
    expect(reports).toEqual(["unreachable", "unreachable"]);
    endpoint.answer = publishingOf(two);
    expect(await ask(one.token)).toEqual({ sub: "one", waited: false });
    await settled();
    expect([await ask(one.token), await ask(two.token)]).toEqual([
      refusedAtOnce,
      { sub: "two", waited: false },
    ]);
  });
});

describe("a fetch", () => {
  const never = new Promise<never>(() => {});
  const wait = (set: KeySet, deadline = createDeadline(1_000)) => set.newer(undefined, deadline);

  it.each(["", ", even if nothing ends it"])("is ended after five seconds%s", async (deaf) => {
    vi.useFakeTimers();
    let aborted = false;
    const { clock, reports, parts } = partsOf({
      fetch: (_, init) =>
        new Promise((_, reject) => {
          init?.signal?.addEventListener("abort", () => {
            aborted = true;
            if (!deaf) reject(new Error("aborted"));
          });
        }),
    });
    const set = createKeySet(endpoint.url, parts);
    void wait(set);
    await vi.advanceTimersByTimeAsync(4_999);
    expect([aborted, reports]).toEqual([false, []]);
    clock.nowMs += 5_000;
    await vi.advanceTimersByTimeAsync(1);
    expect([aborted, reports]).toEqual([true, ["timeout"]]);
    await settled();
  });

  it("that died with its request is begun anew", async () => {
    vi.useFakeTimers();
    let fetches = 0;
    const { clock, parts } = partsOf({
      waitUntil: () => {},
      fetch: () => {
        fetches += 1;
        return never;
      },
    });
    const set = createKeySet(endpoint.url, parts);
    void wait(set);
    clock.nowMs += 10_000 - 1;
    void wait(set);
    expect(fetches).toBe(1);
    clock.nowMs += 1;
    void wait(set);
    expect(fetches).toBe(2);
  });

  it("takes no more of a request's time than the wait for it", async () => {
    vi.useFakeTimers();
    const { parts } = partsOf({ fetch: () => never, waitUntil: () => {}, keyWaitMs: 500 });
    const deadline = createDeadline(1_000);
    const waited = wait(createKeySet(endpoint.url, parts), deadline);
    await vi.advanceTimersByTimeAsync(500);
    expect(await waited).toBeUndefined();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(deadline.isUp()).toBe(false);
    deadline.race(never).catch(() => {});
    await vi.advanceTimersByTimeAsync(499);
    expect(deadline.isUp()).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(deadline.isUp()).toBe(true);
  });

  it("leaves no timer behind", async () => {
    vi.useFakeTimers();
    const { parts } = partsOf({ fetch: async () => Response.json({ keys: [one.jwk] }) });
    await wait(createKeySet(endpoint.url, parts));
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is registered, so that it outlives the request that began it", async () => {
    expect(background).toEqual([]);
    await open().ask(one.token);
    expect(background.length).toBe(1);
  });
});

describe("reports", () => {
  it("say nothing of the address, the tokens or the answer", async () => {
    const reports: string[] = [];
    const report = (reason: string) => reports.push(reason);
    const secretUrl = endpoint.url.replace("//", "//user:hunter2@");
    const keys = { kind: "key-set", url: secretUrl } as const;
    const options = { keys, issuer: undefined, audience: undefined };
    const deadline = createDeadline(PATIENCE_MS);
    await createTokenVerifier(options, partsOf({ report }).parts)(`Bearer ${one.token}`, deadline);
    endpoint.answer = answering("hunter2");
    await open({ report }).ask(one.token);
    deadline.clear();
    expect(reports).toEqual(["unreachable", "not a key set"]);
  });
});
