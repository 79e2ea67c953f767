import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { members } from "../support/fields.ts";
import { newAddress, useGateway } from "../support/gateway.ts";
import { type Issuer, signWithSecret, startIssuer } from "../support/issuer.ts";
import { isCounted, LONG_TIMEOUT, remainingOf } from "../support/ladder.ts";
import { type RunningRedis, startLocalRedis, testedStore } from "../support/local-store.ts";
import { BUNDLE, type RunningWorker, startWorker } from "../support/workerd.ts";

const SECRET = "a secret of the login server, and of nobody else";
const ISSUER = "https://login.example.com/";
const AUDIENCE = "https://api.example.com";
const RULES = { JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE };
/** What a busy machine may add to any wait. */
const SLACK_MS = 2_000;

/** The claims of a user that are as they should be. */
const claimsOf = (user: string): JWTPayload => ({ sub: user, iss: ISSUER, aud: AUDIENCE });
const seconds = (fromNow: number) => Math.floor(Date.now() / 1_000) + fromNow;
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

/** Stands in the name of every user. */
const USERS = "bearer-of-tokens";
let users = 0;
const newUser = () => `${USERS}-${++users}`;

/** By the user of a token, else by address. */
const POLICIES = [{ name: "user", key: "user | ip", limit: "20/minute" }];
const FULL = 20;

/** Neither what a Worker has printed nor what Redis keeps says anything of the tokens, or whom they are about. */
async function expectDiscreet(
  weir: RunningWorker,
  redis: RunningRedis | undefined,
  tokens: readonly string[],
): Promise<void> {
  const entries = (await redis?.entries()) ?? [];
  const kept = [weir.output(), ...entries.map(({ key, value }) => `${key}\n${value}`)].join("\n");
  const secrets = [USERS, ...tokens.flatMap((token) => token.split("."))];
  expect(secrets.filter((secret) => kept.includes(secret))).toEqual([]);
}

describe("a token that a shared secret signs", () => {
  const gateway = useGateway({ STORE_TIMEOUT: LONG_TIMEOUT, POLICIES, ...RULES, JWT_SECRET: SECRET });
  const ask = async (token: string, from: string) =>
    remainingOf(await gateway.send("/", { from, headers: bearer(token) }));

  it("counts its user, from whatever address and with whatever other token", async () => {
    const [user, other] = [newUser(), newUser()];
    const token = await signWithSecret(claimsOf(user), SECRET);
    const another = await signWithSecret({ ...claimsOf(user), jti: "2" }, SECRET);
    const from = newAddress();
    expect(await ask(token, from)).toBe(FULL - 1);
    expect(await ask(token, newAddress())).toBe(FULL - 2);
    expect(await ask(another, newAddress())).toBe(FULL - 3);
    expect(await ask(await signWithSecret(claimsOf(other), SECRET), from)).toBe(FULL - 1);
    expect(remainingOf(await gateway.send("/", { from }))).toBe(FULL - 1);
  });

  it("may have expired as long ago as clocks may differ", async () => {
    const claims = claimsOf(newUser());
    expect(await ask(await signWithSecret({ ...claims, exp: seconds(-10) }, SECRET), newAddress())).toBe(19);
    expect(await ask(await signWithSecret(claims, SECRET), newAddress())).toBe(18);
  });

  it("may be meant for others as well", async () => {
    const claims = { ...claimsOf(newUser()), aud: ["https://other.example.com", AUDIENCE] };
    expect(await ask(await signWithSecret(claims, SECRET), newAddress())).toBe(19);
    expect(await ask(await signWithSecret(claims, SECRET), newAddress())).toBe(18);
  });

  type Forge = (claims: JWTPayload) => string | Promise<string>;
  const without = (claim: "iss" | "aud") => (claims: JWTPayload) =>
    signWithSecret(Object.fromEntries(Object.entries(claims).filter(([name]) => name !== claim)), SECRET);
  const withClaims = (wrong: JWTPayload) => (claims: JWTPayload) =>
    signWithSecret({ ...claims, ...wrong }, SECRET);

  it.each<[string, Forge]>([
    ["is signed with another secret", (claims) => signWithSecret(claims, "another secret")],
    ["has another's claims", (claims) => otherClaims(claims)],
    ["is of another issuer", withClaims({ iss: "https://evil.example.com/" })],
    ["is of no issuer", without("iss")],
    ["is meant for others", withClaims({ aud: "https://other.example.com" })],
    ["is meant for nobody", without("aud")],
    ["has expired", withClaims({ exp: seconds(-60) })],
    ["is not valid yet", withClaims({ nbf: seconds(+120) })],
    ["is not signed", (claims) => new UnsecuredJWT(claims).encode()],
    ["says that it is not signed", (claims) => withHeader({ alg: "none" }, claims, "eA")],
    ["says so in another way", (claims) => withHeader({ alg: "None" }, claims, "eA")],
    ["is signed by a key of its own", (claims) => signEs256(claims)],
    ["is no token", () => "not.a.token"],
  ])("gives no user when it %s: it counts for the address", async (_, forge) => {
    const [user, from] = [newUser(), newAddress()];
    const claims = claimsOf(user);
    const valid = await signWithSecret(claims, SECRET);
    expect(await ask(valid, newAddress())).toBe(FULL - 1);
    expect(remainingOf(await gateway.send("/", { from }))).toBe(FULL - 1);
    const token = await forge(claims);
    const response = await gateway.send("/", { from, headers: bearer(token) });
    // Not refused: that is the origin's to do.
    expect([response.status, remainingOf(response)]).toEqual([200, FULL - 2]);
    expect(gateway.origin.seen.at(-1)?.headers.authorization).toBe(`Bearer ${token}`);
    expect(await ask(valid, newAddress())).toBe(FULL - 2);
  });

  it("stands neither in a line that the Worker prints nor in the store, valid or not", async () => {
    const claims = claimsOf(newUser());
    const secrets = [SECRET, SECRET, "another secret"];
    const tokens = await Promise.all(
      secrets.map((secret, i) => signWithSecret({ ...claims, jti: `${i}` }, secret)),
    );
    for (const token of tokens) await ask(token, newAddress());
    await expectDiscreet(gateway.weir, gateway.redis, tokens);
  });

  it("is not taken away by a client that names it in Connection", async () => {
    const user = newUser();
    const token = await signWithSecret(claimsOf(user), SECRET);
    expect(await ask(token, newAddress())).toBe(FULL - 1);
    const fields = {
      ...bearer(token),
      Connection: "keep-alive, authorization",
      "CF-Connecting-IP": newAddress(),
    };
    expect(await rawRateLimit(gateway.weir.url, fields)).toContain(`"user";r=${FULL - 2};`);
    expect(gateway.origin.seen.at(-1)?.headers.authorization).toBe(`Bearer ${token}`);
  });
});

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

const withHeader = (header: object, claims: JWTPayload, signature: string): string =>
  `${encoded(header)}.${encoded(claims)}.${signature}`;

/** With the signature of a token about somebody else. */
async function otherClaims(claims: JWTPayload): Promise<string> {
  const [header, , signature] = (await signWithSecret({ ...claims, sub: "somebody" }, SECRET)).split(".");
  return `${header}.${encoded({ exp: seconds(3_600), ...claims })}.${signature}`;
}

/** Signed with a key that nobody has published. */
async function signEs256(claims: JWTPayload, kid = "unknown"): Promise<string> {
  const { privateKey } = await generateKeyPair("ES256");
  return new SignJWT({ exp: seconds(3_600), ...claims })
    .setProtectedHeader({ alg: "ES256", kid })
    .sign(privateKey);
}

/** Node's own fetch refuses to send Connection. */
function rawRateLimit(url: string, headers: Record<string, string>): Promise<unknown> {
  return new Promise((answered, failed) => {
    const request = httpRequest(url, { headers }, (response) => {
      response.resume();
      response.once("end", () => answered(response.headers.ratelimit));
    });
    request.once("error", failed).end();
  });
}

describe("keys of an endpoint", async () => {
  const issuer = await startIssuer();
  afterAll(() => issuer.close());
  const gateway = useGateway({
    STORE_TIMEOUT: LONG_TIMEOUT,
    JWKS_URL: issuer.url,
    ...RULES,
    POLICIES: [
      ...POLICIES,
      { name: "first", match: "/first", key: "ip", limit: "1/minute" },
      {
        name: "plan",
        match: "/plan",
        key: "user | none",
        limit: { by: "jwt:plan", pro: "5/minute", "*": "2/minute" },
      },
    ],
  });
  const ask = (path: string, init: { from?: string; headers?: Record<string, string> }) =>
    gateway.send(path, init);

  // In this order: the first shows a Worker that has not asked yet.
  it("are not asked for without need: for no token, nor for an address that is known to be refused", async () => {
    const from = newAddress();
    for (const status of [200, 429]) expect((await ask("/first", { from })).status).toBe(status);
    const headers = bearer(await issuer.sign(claimsOf(newUser())));
    const refused = await ask("/first", { from, headers });
    expect([refused.status, members(refused, "RateLimit").map(([name]) => name)]).toEqual([429, ["first"]]);
    expect(issuer.asked).toBe(0);
  });

  it("are asked for once, however many need them at the same time", async () => {
    const headers = bearer(await issuer.sign(claimsOf(newUser())));
    const answers = await Promise.all(Array.from({ length: FULL }, () => ask("/", { headers })));
    expect(answers.map(remainingOf).toSorted((one, other) => Number(one) - Number(other))).toEqual(
      Array.from({ length: FULL }, (_, i) => i),
    );
    expect((await ask("/", { headers })).status).toBe(429);
    expect(issuer.asked).toBe(1);
  });

  it("make claims that choose a limit", async () => {
    const plan = async (claims: JWTPayload) => {
      const headers = bearer(await issuer.sign({ ...claimsOf(newUser()), ...claims }));
      return members(await ask("/plan", { headers }), "RateLimit-Policy").find(
        ([name]) => name === "plan",
      )?.[1].q;
    };
    expect([await plan({ plan: "pro" }), await plan({ plan: "own" }), await plan({})]).toEqual([5, 2, 2]);
  });

  it("are not asked for anew within a minute, whatever key a token names", async () => {
    const from = newAddress();
    const forged = await Promise.all(["a", "b", "c"].map((kid) => signEs256(claimsOf("eve"), kid)));
    await issuer.rotate();
    const remaining = [];
    for (const token of [...forged, await issuer.sign(claimsOf("eve"))])
      remaining.push(remainingOf(await ask("/", { from, headers: bearer(token) })));
    expect(remaining).toEqual([1, 2, 3, 4].map((used) => FULL - used));
    expect(issuer.asked).toBe(1);
  });
});

describe("an endpoint that hangs", async () => {
  const issuer = await startIssuer();
  issuer.behave("hang");
  afterAll(() => issuer.close());
  const STORE_TIMEOUT_MS = 1_000;
  const gateway = useGateway({
    STORE_TIMEOUT: `${STORE_TIMEOUT_MS}ms`,
    POLICIES,
    ...RULES,
    JWKS_URL: issuer.url,
  });

  it("keeps requests no longer than the store's time, and the store still decides", async () => {
    const token = await issuer.sign(claimsOf(newUser()));
    const [one, other] = [newAddress(), newAddress()];
    const timed = async (from: string) => {
      const startMs = performance.now();
      const response = await gateway.send("/", { from, headers: bearer(token) });
      expect([response.status, isCounted(response)]).toEqual([200, true]);
      return { remaining: remainingOf(response), tookMs: performance.now() - startMs };
    };
    const first = await Promise.all(Array.from({ length: 6 }, () => timed(one)));
    for (const { tookMs } of first) expect(tookMs).toBeLessThan(STORE_TIMEOUT_MS + SLACK_MS);
    expect(Math.min(...first.map(({ remaining }) => Number(remaining)))).toBe(FULL - 6);
    // Half of the time is kept for the store; and later ones wait no more at all.
    expect(Math.min(...first.map(({ tookMs }) => tookMs))).toBeGreaterThan(STORE_TIMEOUT_MS / 2 - 50);
    const later = [await timed(other), await timed(other), await timed(other)];
    expect(later.map(({ remaining }) => remaining)).toEqual([FULL - 1, FULL - 2, FULL - 3]);
    expect(Math.min(...later.map(({ tookMs }) => tookMs))).toBeLessThan(STORE_TIMEOUT_MS / 2);
    expect(issuer.asked).toBe(1);
    await expectDiscreet(gateway.weir, gateway.redis, [token]);
  });
});

/** Lets requests say how far ahead of the real time the Worker's clock is: minutes pass at once. */
const TRAVEL = (name: string) => `
{
  const now = Date.now;
  let aheadMs = 0;
  Date.now = () => now() + aheadMs;
  const { fetch } = ${name};
  ${name}.fetch = (request, ...rest) => {
    aheadMs = Number(request.headers.get("X-Ahead-Ms") ?? aheadMs);
    return fetch(request, ...rest);
  };
}
`;
const MINUTE_MS = 60_000;

describe("keys that grow old", () => {
  let folder = "";
  let issuer: Issuer;
  let redis: RunningRedis | undefined;
  let weir: RunningWorker;
  let aheadMs = 0;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "weir-tokens-"));
    const bundle = await readFile(BUNDLE, "utf8");
    const name = /export\s*\{[^}]*?([\w$]+) as default\b/.exec(bundle)?.[1];
    if (name === undefined) throw new Error("the built Worker has no default export to wrap");
    const script = join(folder, "index.js");
    await writeFile(script, `${bundle}\n${TRAVEL(name)}`);
    issuer = await startIssuer();
    if (testedStore === "upstash") redis = await startLocalRedis();
    // Nothing listens there: who gets through gets a 502, with fields.
    const vars = { ORIGIN: "http://127.0.0.1:9", STORE_TIMEOUT: LONG_TIMEOUT, ...RULES, ...redis?.vars };
    weir = await startWorker({ script, vars: { ...vars, JWKS_URL: issuer.url, POLICIES } });
    aheadMs = 0;
  });
  afterEach(async () => {
    await weir.stop();
    await redis?.stop();
    await issuer.close();
    await rm(folder, { recursive: true });
  });

  /** Whether the token counts its user, from an address of its own: by what remains when it is sent twice. */
  async function isValid(token: string): Promise<boolean> {
    const ask = async () => {
      const headers = { ...bearer(token), "CF-Connecting-IP": newAddress(), "X-Ahead-Ms": String(aheadMs) };
      return Number(remainingOf(await fetch(weir.url, { headers })));
    };
    return (await ask()) - (await ask()) === 1;
  }
  const sign = () => issuer.sign({ ...claimsOf(newUser()), exp: seconds(24 * 3_600) });

  it("are asked for at once when a token names a new one", async () => {
    const old = await sign();
    expect(await isValid(old)).toBe(true);
    await issuer.rotate();
    aheadMs += MINUTE_MS;
    const first = await sign();
    expect(await isValid(first)).toBe(true);
    expect(issuer.asked).toBe(2);
    // What it does not publish any more is not valid any more.
    expect(await isValid(old)).toBe(false);
    expect(issuer.asked).toBe(2);
  });

  it("are asked for once a minute at most, whatever keys tokens name", async () => {
    expect(await isValid(await sign())).toBe(true);
    for (let minute = 1; minute <= 2; minute++) {
      aheadMs += MINUTE_MS;
      for (let i = 0; i < 5; i++)
        expect(await isValid(await signEs256(claimsOf("eve"), `${minute}-${i}`))).toBe(false);
      expect(issuer.asked).toBe(1 + minute);
    }
    expect(await isValid(await sign())).toBe(true);
  });

  it("stay in use while the endpoint is away, and give way when it is back", async () => {
    const kept = await sign();
    expect(await isValid(kept)).toBe(true);
    issuer.behave("fail");
    aheadMs += 11 * MINUTE_MS;
    // Not one whose result is remembered.
    const another = await sign();
    expect([await isValid(kept), await isValid(another)]).toEqual([true, true]);
    await expect.poll(() => issuer.asked).toBe(2);
    await issuer.rotate();
    issuer.behave("serve");
    aheadMs += MINUTE_MS;
    const rotated = await sign();
    expect([await isValid(rotated), await isValid(kept)]).toEqual([true, false]);
    expect(issuer.asked).toBe(3);
    const lines = weir
      .output()
      .split("\n")
      .filter((line) => line !== "" && !line.includes('"event":"start"'));
    expect(lines).toEqual(['{"source":"weir","event":"token_keys_error","reason":"status 500"}']);
    await expectDiscreet(weir, redis, [kept, another, rotated]);
  });

  it("stay in use while the endpoint hangs, and no request waits for it", async () => {
    expect(await isValid(await sign())).toBe(true);
    issuer.behave("hang");
    aheadMs += 11 * MINUTE_MS;
    const startMs = performance.now();
    expect(await isValid(await sign())).toBe(true);
    // The keys may take half of ten seconds.
    expect(performance.now() - startMs).toBeLessThan(4_000);
    await expect.poll(() => issuer.asked).toBe(2);
  });
});
