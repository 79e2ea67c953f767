import fc from "fast-check";
import { exportJWK, generateKeyPair, importJWK, type JWK, type JWTPayload, SignJWT } from "jose";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { TokenKeys, TokenOptions } from "../../src/config/config.ts";
import { createTokenVerifier } from "../../src/key/token-verifier.ts";
import { createDeadline } from "../../src/store/deadline.ts";

type SigningKey = Parameters<SignJWT["sign"]>[0];

const SECRET = "a secret that only the issuer knows, longer than any digest of it: sixty-four";
const KEY_SET: TokenKeys = { kind: "key-set", url: "https://issuer.example/keys" };
const START_MS = 1_800_000_000_000;
const START = START_MS / 1000;
const MINUTE_MS = 60_000;

const bytes = (text: string) => new TextEncoder().encode(text);
const base64Url = (text: string) => btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

/** A pair for an algorithm, as a JWK without a name and the key to sign with. */
async function pairFor(alg: string): Promise<{ jwk: JWK; key: SigningKey }> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { jwk: await exportJWK(publicKey), key: privateKey };
}

const rsa = await generateKeyPair("RS256", { extractable: true });
const rsaPublic = await exportJWK(rsa.publicKey);
const rsaPrivate = await exportJWK(rsa.privateKey);
const es256 = await pairFor("ES256");

interface Signing {
  readonly alg?: string;
  readonly key?: SigningKey;
  readonly kid?: string;
}

/** A token with these claims; by default as the holder of the secret signs it. */
function sign(
  claims: JWTPayload,
  { alg = "HS256", key = bytes(SECRET), kid }: Signing = {},
): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg, ...(kid !== undefined && { kid }) }).sign(key);
}
const signEs256 = (claims: JWTPayload, kid?: string) =>
  sign(claims, { alg: "ES256", key: es256.key, ...(kid !== undefined && { kid }) });

/** A verifier at a time that stands still, with an endpoint that answers at once. */
function open(options: Partial<TokenOptions> = {}, published: readonly unknown[] = []) {
  const state = { nowMs: START_MS, published, fetches: 0 };
  const background: Promise<unknown>[] = [];
  const verify = createTokenVerifier(
    { keys: { kind: "secret", secret: SECRET }, issuer: undefined, audience: undefined, ...options },
    {
      now: () => state.nowMs,
      keyWaitMs: 500,
      waitUntil: (work) => background.push(work),
      report: () => {},
      fetch: async () => {
        state.fetches += 1;
        return Response.json({ keys: state.published });
      },
    },
  );
  async function header(authorization: string | null) {
    const deadline = createDeadline(1_000);
    try {
      return await verify(authorization, deadline);
    } finally {
      deadline.clear();
    }
  }
  const settled = () => Promise.all(background);
  return { state, settled, header, token: (token: string) => header(`Bearer ${token}`) };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a token", () => {
  it.each(["HS256", "HS384", "HS512"])("signed with the secret by %s is valid", async (alg) => {
    const claims = { sub: "ada", plan: "pro", org: { id: 7 } };
    expect(await open().token(await sign(claims, { alg }))).toEqual(claims);
  });

  it.each(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])(
    "signed by %s is valid when the key is in the set",
    async (alg) => {
      const key = await importJWK(rsaPrivate, alg);
      const token = await sign({ sub: "ada" }, { alg, key, kid: "one" });
      expect(await open({ keys: KEY_SET }, [{ ...rsaPublic, kid: "one" }]).token(token)).toEqual({
        sub: "ada",
      });
    },
  );

  it.each(["ES256", "ES384", "ES512", "EdDSA", "Ed25519"])(
    "signed by %s is valid when the key is in the set",
    async (alg) => {
      const { jwk, key } = await pairFor(alg);
      const token = await sign({ sub: "ada" }, { alg, key, kid: "one" });
      expect(await open({ keys: KEY_SET }, [{ ...jwk, kid: "one" }]).token(token)).toEqual({ sub: "ada" });
    },
  );

  it("that names no key is valid by any key of the set that fits", async () => {
    const others = await Promise.all([pairFor("ES256"), pairFor("ES256")]);
    const verifier = open(
      { keys: KEY_SET },
      [...others, es256].map(({ jwk }, i) => ({ ...jwk, kid: `${i}` })),
    );
    expect(await verifier.token(await signEs256({ sub: "ada" }))).toEqual({ sub: "ada" });
    const { key } = await pairFor("ES256");
    expect(await verifier.token(await sign({ sub: "eve" }, { alg: "ES256", key }))).toBeUndefined();
  });

  it("is checked against the rules also when it names no key", async () => {
    const other = await pairFor("ES256");
    const verifier = open({ keys: KEY_SET, issuer: "me" }, [other.jwk, es256.jwk]);
    expect(await verifier.token(await signEs256({ iss: "me" }))).toEqual({ iss: "me" });
    expect(await verifier.token(await signEs256({ iss: "you" }))).toBeUndefined();
  });

  it("signed by somebody else is not valid", async () => {
    const other = await pairFor("ES256");
    const byOther = await sign({ sub: "eve" }, { alg: "ES256", key: other.key, kid: "one" });
    expect(await open({ keys: KEY_SET }, [{ ...es256.jwk, kid: "one" }]).token(byOther)).toBeUndefined();
    expect(await open().token(await sign({ sub: "eve" }, { key: bytes(`${SECRET}.`) }))).toBeUndefined();
  });

  it("with other claims than were signed is not valid", async () => {
    const [head, , signature] = (await sign({ sub: "ada" })).split(".");
    const forged = base64Url(JSON.stringify({ sub: "eve" }));
    expect(await open().token(`${head}.${forged}.${signature}`)).toBeUndefined();
  });

  it.each(["none", "None", "NONE", ""])(
    "of algorithm %j is not valid, with a signature or without",
    async (alg) => {
      const [, claims, signature] = (await sign({ sub: "eve" })).split(".");
      const unsigned = `${base64Url(JSON.stringify({ alg }))}.${claims}.`;
      for (const verifier of [open(), open({ keys: KEY_SET }, [es256.jwk])]) {
        expect(await verifier.token(unsigned)).toBeUndefined();
        expect(await verifier.token(`${unsigned}${signature}`)).toBeUndefined();
      }
    },
  );

  it("with the public key as the secret is not valid", async () => {
    const pem = `-----BEGIN PUBLIC KEY-----\n${btoa(rsaPublic.n ?? "")}\n-----END PUBLIC KEY-----`;
    const verifier = open({ keys: KEY_SET }, [{ ...rsaPublic, kid: "one" }]);
    for (const secret of [pem, rsaPublic.n ?? "", JSON.stringify(rsaPublic)]) {
      const token = await sign({ sub: "eve" }, { key: bytes(secret), kid: "one" });
      expect(await verifier.token(token)).toBeUndefined();
    }
  });

  it("signed with a secret is not valid by a key set, even one that publishes it", async () => {
    const published = { kty: "oct", k: base64Url(SECRET), kid: "one" };
    const token = await sign({ sub: "eve" }, { kid: "one" });
    expect(await open({ keys: KEY_SET }, [published, es256.jwk]).token(token)).toBeUndefined();
  });

  it("signed with a key is not valid by a secret, even its public half", async () => {
    const token = await sign({ sub: "eve" }, { alg: "RS256", key: rsa.privateKey });
    const secret = JSON.stringify(rsaPublic);
    expect(await open({ keys: { kind: "secret", secret } }).token(token)).toBeUndefined();
  });

  it("signed by an algorithm that is not listed is not valid", async () => {
    const { jwk, key } = await pairFor("ML-DSA-44");
    const token = await sign({ sub: "ada" }, { alg: "ML-DSA-44", key, kid: "one" });
    expect(await open({ keys: KEY_SET }, [{ ...jwk, kid: "one" }]).token(token)).toBeUndefined();
  });

  it("whose key is meant for another algorithm or use is not valid", async () => {
    const token = await signEs256({ sub: "ada" }, "one");
    for (const meant of [{ alg: "ES384" }, { use: "enc" }, { key_ops: ["sign"] }]) {
      const verifier = open({ keys: KEY_SET }, [{ ...es256.jwk, ...meant, kid: "one" }]);
      expect(await verifier.token(token)).toBeUndefined();
    }
  });

  it("longer than 16 KiB is none", async () => {
    // Three bytes of a claim are four characters of a token.
    const short = await sign({ text: "x".repeat(12_000) });
    const long = await sign({ text: "x".repeat(12_400) });
    expect([short.length > 16_000, long.length > 16 * 1024]).toEqual([true, true]);
    expect(await open().token(short)).toBeDefined();
    expect(await open().token(long)).toBeUndefined();
  });
});

describe("the claims", () => {
  it.each([
    ["exp", START - 29, true],
    ["exp", START - 30, false],
    ["exp", START - 31, false],
    ["exp", START + 1, true],
    ["exp", "tomorrow", false],
    ["nbf", START + 30, true],
    ["nbf", START + 31, false],
    ["nbf", START - 1, true],
    ["iat", START + 3_600, true],
  ])("with %s = %s leave a token valid: %s", async (name, value, valid) => {
    const verifier = open();
    expect((await verifier.token(await sign({ [name]: value }))) !== undefined).toBe(valid);
  });

  it.each([
    [{ issuer: "me" }, { iss: "me" }, true],
    [{ issuer: "me" }, { iss: "you" }, false],
    [{ issuer: "me" }, { iss: ["me"] }, false],
    [{ issuer: "me" }, {}, false],
    [{ audience: "api" }, { aud: "api" }, true],
    [{ audience: "api" }, { aud: ["web", "api"] }, true],
    [{ audience: "api" }, { aud: "web" }, false],
    [{ audience: "api" }, { aud: ["web"] }, false],
    [{ audience: "api" }, {}, false],
    [{ issuer: "me", audience: "api" }, { iss: "me", aud: "api" }, true],
    [{ issuer: "me", audience: "api" }, { iss: "me" }, false],
    [{}, { iss: "anybody", aud: "anything" }, true],
  ])("where %j is configured, %j leave a token valid: %s", async (options, claims, valid) => {
    const token = await sign(claims as JWTPayload);
    expect((await open(options).token(token)) !== undefined).toBe(valid);
  });
});

describe("the Authorization header", () => {
  it.each(["Bearer ", "bearer ", "BEARER   "])("may begin with %j", async (scheme) => {
    expect(await open().header(`${scheme}${await sign({ sub: "ada" })}`)).toEqual({ sub: "ada" });
  });

  it("that holds no bearer token costs nothing", async () => {
    const token = await sign({ sub: "ada" });
    const others = [
      null,
      "",
      "Bearer",
      "Bearer ",
      token,
      `Basic ${token}`,
      `Bearer${token}`,
      `Bearer\t${token}`,
      `Bearer ${token}, Bearer ${token}`,
      `Bearer "${token}"`,
      "Bearer opaque-api-key",
      "Bearer a.b",
      `Bearer ${token}.d`,
      `DPoP ${token}`,
    ];
    const checked = vi.spyOn(crypto.subtle, "verify");
    const verifier = open({ keys: KEY_SET }, [es256.jwk]);
    for (const other of others) {
      expect(await open().header(other)).toBeUndefined();
      expect(await verifier.header(other)).toBeUndefined();
    }
    expect([verifier.state.fetches, checked.mock.calls.length]).toEqual([0, 0]);
  });

  it("never makes it throw, whatever it says", async () => {
    const verifiers = [open(), open({ keys: KEY_SET }, [es256.jwk, rsaPublic])];
    const json = fc.record({
      alg: fc.constantFrom("HS256", "ES256", "RS256", "none", 1),
      kid: fc.anything(),
    });
    const part = fc.oneof(
      fc.base64String().map((text) => text.replaceAll(/[+/=]/g, "-")),
      fc.oneof(json, fc.anything()).map((value) => base64Url(encodeURI(JSON.stringify(value) ?? ""))),
      json.map((value) => base64Url(JSON.stringify(value).replaceAll(/[^\x20-\x7e]/g, ""))),
    );
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: "binary" }).map((rest) => `Bearer ${rest}`),
      fc.array(part, { minLength: 3, maxLength: 3 }).map((parts) => `Bearer ${parts.join(".")}`),
    );
    await fc.assert(
      fc.asyncProperty(text, async (header) => {
        for (const verifier of verifiers) expect(await verifier.header(header)).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });
});

describe("a result", () => {
  it("is remembered: the same token is verified once", async () => {
    const checked = vi.spyOn(crypto.subtle, "verify");
    const { token } = open();
    const text = await sign({ sub: "ada" });
    const first = await token(text);
    expect([first, await token(text), checked.mock.calls.length]).toEqual([
      { sub: "ada" },
      { sub: "ada" },
      1,
    ]);
  });

  it("is remembered no longer than the token is valid", async () => {
    const checked = vi.spyOn(crypto.subtle, "verify");
    const { state, token } = open();
    const text = await sign({ exp: START + 60 });
    await token(text);
    state.nowMs = START_MS + 90_000 - 1;
    expect([await token(text), checked.mock.calls.length]).toEqual([{ exp: START + 60 }, 1]);
    state.nowMs = START_MS + 90_000;
    expect(await token(text)).toBeUndefined();
  });

  it.each([{}, { exp: START + 86_400 }])("is remembered for ten minutes at most: %j", async (claims) => {
    const checked = vi.spyOn(crypto.subtle, "verify");
    const { state, token } = open();
    const text = await sign(claims);
    await token(text);
    state.nowMs = START_MS + 10 * MINUTE_MS - 1;
    expect([await token(text), checked.mock.calls.length]).toEqual([claims, 1]);
    state.nowMs += 1;
    expect([await token(text), checked.mock.calls.length]).toEqual([claims, 2]);
  });

  it("is not remembered when it is that the token is not valid", async () => {
    const { state, token } = open();
    const text = await sign({ nbf: START + 60 });
    expect(await token(text)).toBeUndefined();
    state.nowMs = START_MS + 30_000;
    expect(await token(text)).toEqual({ nbf: START + 60 });
  });

  it("is remembered of a thousand tokens", async () => {
    const { token } = open();
    const texts = await Promise.all(Array.from({ length: 1_001 }, (_, i) => sign({ sub: `user ${i}` })));
    for (const text of texts) await token(text);
    const checked = vi.spyOn(crypto.subtle, "verify");
    for (const text of texts.slice(1)) await token(text);
    expect(checked.mock.calls.length).toBe(0);
    expect([await token(texts[0] ?? ""), checked.mock.calls.length]).toEqual([{ sub: "user 0" }, 1]);
  });

  it("is not remembered of tokens longer than 4,096 characters", async () => {
    const checked = vi.spyOn(crypto.subtle, "verify");
    const { token } = open();
    const lengths = [];
    for (const length of [3_020, 3_050]) {
      const text = await sign({ text: "x".repeat(length - 14) });
      lengths.push(text.length);
      for (let i = 0; i < 2; i++) expect(await token(text)).toBeDefined();
    }
    expect(lengths.map((length) => length > 4_096)).toEqual([false, true]);
    expect(checked.mock.calls.length).toBe(3);
  });

  it("does not outlast the keys it was found with", async () => {
    const { state, token, settled } = open({ keys: KEY_SET }, [{ ...es256.jwk, kid: "one" }]);
    const text = await signEs256({ sub: "ada" }, "one");
    expect(await token(text)).toEqual({ sub: "ada" });
    const other = await pairFor("ES256");
    state.published = [{ ...other.jwk, kid: "two" }];
    state.nowMs += MINUTE_MS;
    expect(await token(text)).toEqual({ sub: "ada" });
    await token(await sign({ sub: "bob" }, { alg: "ES256", key: other.key, kid: "two" }));
    await settled();
    expect([await token(text), state.fetches]).toEqual([undefined, 2]);
  });

  it("holds when the same keys are fetched again", async () => {
    const checked = vi.spyOn(crypto.subtle, "verify");
    const { state, token } = open({ keys: KEY_SET }, [{ ...es256.jwk, kid: "one" }]);
    const text = await signEs256({ sub: "ada" }, "one");
    await token(text);
    state.nowMs += MINUTE_MS;
    await token(await signEs256({ sub: "ada" }, "unknown"));
    expect([await token(text), checked.mock.calls.length, state.fetches]).toEqual([{ sub: "ada" }, 1, 2]);
  });

  it("is that of the keys it began with when they change meanwhile", async () => {
    const { state, token } = open({ keys: KEY_SET }, [{ ...es256.jwk, kid: "one" }]);
    const text = await signEs256({ sub: "ada" }, "one");
    await token(await signEs256({ sub: "first" }, "one"));
    state.published = [];
    state.nowMs += MINUTE_MS;
    let release = () => {};
    const held = new Promise<void>((done) => {
      release = done;
    });
    const real = crypto.subtle.verify.bind(crypto.subtle);
    vi.spyOn(crypto.subtle, "verify").mockImplementationOnce(async (...of: Parameters<typeof real>) => {
      await held;
      return real(...of);
    });
    const early = token(text);
    await token(await signEs256({ sub: "ada" }, "unknown"));
    release();
    expect([await early, await token(text), state.fetches]).toEqual([{ sub: "ada" }, undefined, 2]);
  });
});
