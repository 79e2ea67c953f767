import { JWKSMultipleMatchingKeys, JWKSNoMatchingKey } from "jose/errors";
import type { LocalJWKSet } from "jose/jwks/local";
import { type JWTVerifyOptions, jwtVerify } from "jose/jwt/verify";
import type { TokenKeys, TokenOptions } from "../config/config.ts";
import { BoundedMap } from "../store/bounded-map.ts";
import type { Deadline } from "../store/deadline.ts";
import { createKeySet, type KeySetParts } from "./key-set.ts";

export type Claims = Readonly<Record<string, unknown>>;

/** The claims of a request's bearer token; undefined when there is none or it is not valid. Never rejects. */
export type VerifyToken = (authorization: string | null, deadline: Deadline) => Promise<Claims | undefined>;

const RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const CURVES = ["ES256", "ES384", "ES512", "EdDSA", "Ed25519"];
/** Pinned, so that nobody can sign with a public key as the secret, or not at all. */
const ALGORITHMS = { secret: ["HS256", "HS384", "HS512"], "key-set": [...RSA, ...CURVES] };
/** How far the issuer's clock may be off. */
const LEEWAY_SECONDS = 30;
const MAX_TOKEN_LENGTH = 16 * 1024;
const MAX_RESULTS = 1_000;
const MAX_REMEMBERED_LENGTH = 4_096;
const MAX_RESULT_AGE_MS = 10 * 60_000;

type Keys = Uint8Array | LocalJWKSet;

/** Where keys come from: see `KeySet`. */
interface KeySource {
  current(): Keys | undefined;
  newer(known: Keys | undefined, deadline: Deadline): Promise<Keys | undefined>;
}

/** A token found valid, by which keys, and how long that holds. */
interface Verified {
  readonly claims: Claims;
  readonly keys: Keys;
  readonly untilMs: number;
}

/** Remembers the tokens that are valid, for the isolate and as long as the keys stay the same. */
export function createTokenVerifier(options: TokenOptions, parts: KeySetParts): VerifyToken {
  const { now } = parts;
  const rules = rulesOf(options);
  const source = keySource(options.keys, parts);
  const results = new BoundedMap<string, Verified>(MAX_RESULTS);

  async function claimsOf(token: string, deadline: Deadline): Promise<Claims | undefined> {
    const keys = source.current();
    const known = results.get(token);
    if (known && known.keys === keys && now() < known.untilMs) return known.claims;
    try {
      if (keys) return await verify(token, keys);
    } catch (error) {
      if (!(error instanceof JWKSNoMatchingKey)) throw error;
    }
    const newer = await source.newer(keys, deadline);
    return newer && verify(token, newer);
  }

  async function verify(token: string, keys: Keys): Promise<Claims> {
    const nowMs = now();
    const claims = await verifiedClaims(token, keys, { ...rules, currentDate: new Date(nowMs) });
    const expiryMs = ((claims.exp ?? Number.POSITIVE_INFINITY) + LEEWAY_SECONDS) * 1_000;
    const untilMs = Math.min(expiryMs, nowMs + MAX_RESULT_AGE_MS);
    if (token.length <= MAX_REMEMBERED_LENGTH) results.set(token, { claims, keys, untilMs });
    return claims;
  }

  return async (authorization, deadline) => {
    const token = bearerToken(authorization);
    return token === undefined ? undefined : claimsOf(token, deadline).catch(() => undefined);
  };
}

/** What a token must fulfil besides its signature. */
function rulesOf({ keys, issuer, audience }: TokenOptions): JWTVerifyOptions {
  return {
    algorithms: ALGORITHMS[keys.kind],
    clockTolerance: LEEWAY_SECONDS,
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
  };
}

function keySource(keys: TokenKeys, parts: KeySetParts): KeySource {
  if (keys.kind === "key-set") return createKeySet(keys.url, parts);
  const secret = new TextEncoder().encode(keys.secret);
  return { current: () => secret, newer: async () => undefined };
}

/** The token of a header, if it has the form of one. */
function bearerToken(authorization: string | null): string | undefined {
  const token = /^bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization ?? "")?.[1];
  return token === undefined || token.length > MAX_TOKEN_LENGTH ? undefined : token;
}

/** Throws when the token is not valid, and a `JWKSNoMatchingKey` when the set has no key for it. */
async function verifiedClaims(
  token: string,
  keys: Keys,
  rules: JWTVerifyOptions,
): Promise<Claims & { readonly exp?: number }> {
  try {
    return (await jwtVerify(token, keys, rules)).payload;
  } catch (error) {
    if (!(error instanceof JWKSMultipleMatchingKeys)) throw error;
    // A token that does not name its key may be signed with any that fits.
    for await (const key of error) {
      const verified = await jwtVerify(token, key, rules).catch(() => undefined);
      if (verified) return verified.payload;
    }
    throw error;
  }
}
