import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";

/** Signs tokens, and serves the public keys for them. */
export interface Issuer {
  /** Where the keys are. */
  readonly url: string;
  /** How often the keys were asked for. */
  readonly asked: number;
  /** What happens to whoever asks for the keys. */
  behave(how: "serve" | "hang" | "fail"): void;
  /** Replaces the key by a new one. */
  rotate(): Promise<void>;
  /** A token with these claims, good for an hour unless they say otherwise. */
  sign(claims: JWTPayload): Promise<string>;
  close(): Promise<void>;
}

export async function startIssuer(): Promise<Issuer> {
  let number = 0;
  let asked = 0;
  let behaviour = "serve";
  let current = await newKey();

  async function newKey() {
    number += 1;
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    const kid = `key-${number}`;
    return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "ES256", use: "sig" } };
  }

  const server = createServer((_, response) => {
    asked += 1;
    if (behaviour === "fail") response.writeHead(500).end("<html>");
    else if (behaviour === "serve") response.end(JSON.stringify({ keys: [current.jwk] }));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/keys`,
    get asked() {
      return asked;
    },
    behave(how) {
      behaviour = how;
    },
    async rotate() {
      current = await newKey();
    },
    sign: (claims) =>
      new SignJWT({ exp: Math.floor(Date.now() / 1_000) + 3_600, ...claims })
        .setProtectedHeader({ alg: "ES256", kid: current.kid })
        .sign(current.privateKey),
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** A token signed with a shared secret, good for an hour unless its claims say otherwise. */
export function signWithSecret(claims: JWTPayload, secret: string): Promise<string> {
  return new SignJWT({ exp: Math.floor(Date.now() / 1_000) + 3_600, ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .sign(new TextEncoder().encode(secret));
}
