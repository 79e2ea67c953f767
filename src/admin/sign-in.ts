import type { Incoming } from "../http/request-facts.ts";
import { failure, tooMany } from "./answers.ts";
import type { OwnQuota } from "./own-quota.ts";

/** The answer to a request that does not show the token; undefined when it does. */
export type SignIn = (request: Request, incoming: Incoming) => Promise<Response | undefined>;

/**
 * Compares a bearer token with the configured one, in a time that tells nothing of it. Whoever guesses too often waits, and
 * so does the right token from the same address: else guessing would go on, and only look as if it had been stopped.
 *
 * @param guesses counts wrong tokens
 */
export function createSignIn(token: string, guesses: OwnQuota): SignIn {
  return async ({ headers }, incoming) => {
    const field = headers.get("authorization")?.trim();
    if (!field) return unauthorized("This needs the token: Authorization: Bearer ADMIN_TOKEN.");
    const given = /^bearer +(\S+)$/i.exec(field)?.[1] ?? "";
    const isRight = await areEqual(given, token);
    const waitMs = await (isRight ? guesses.waitMs(incoming) : guesses.take(incoming));
    if (waitMs > 0) return tooMany(waitMs, "Too many wrong tokens from this address");
    return isRight ? undefined : unauthorized("This is not the token.");
  };
}

const unauthorized = (detail: string): Response => failure(401, detail, { "WWW-Authenticate": "Bearer" });

/** Compares digests, whole: how long it takes depends neither on where the texts differ nor on their lengths. */
async function areEqual(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map(sha256));
  return a?.reduce((differences, byte, i) => differences | (byte ^ (b?.[i] ?? 0)), 0) === 0;
}

const sha256 = async (text: string): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
