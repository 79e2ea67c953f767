import { BoundedMap } from "../store/bounded-map.ts";

/** Text to a fixed-length name that does not reveal it: 128 bits, 22 characters of base64url. At once when it is remembered. */
export type Digest = (text: string) => string | Promise<string>;

/** Together they bound what is remembered to a few megabytes. */
const MAX_REMEMBERED = 10_000;
const MAX_BYTES = 4 * 2 ** 20;
/** What a digest and its place in the map take. */
const ENTRY_BYTES = 150;

/**
 * Digests by HMAC-SHA-256 with a secret. Without one they are plain SHA-256: as unequal, but whoever
 * reads the store can find an IPv4 address by trying them all. Callers come again, so the newest are remembered: in this
 * isolate's memory only, where every request's values are while it is answered. Nothing of them is at rest.
 */
export function createDigest(secret: string | undefined): Digest {
  const encoder = new TextEncoder();
  // The key, not its promise: a promise would die with the request that made it.
  let hmacKey: Awaited<ReturnType<typeof crypto.subtle.importKey>> | undefined;
  const sign = async (bytes: Uint8Array): Promise<ArrayBuffer> => {
    if (secret === undefined) return crypto.subtle.digest("SHA-256", bytes);
    hmacKey ??= await crypto.subtle.importKey("raw", encoder.encode(secret), HMAC, false, ["sign"]);
    return crypto.subtle.sign("HMAC", hmacKey, bytes);
  };
  const remembered = new BoundedMap<string, string>(MAX_REMEMBERED, MAX_BYTES, bytesOf);
  const fresh = async (text: string): Promise<string> => {
    const digest = base64Url(new Uint8Array(await sign(encoder.encode(text)), 0, 16));
    remembered.set(text, digest);
    return digest;
  };
  return (text) => remembered.get(text) ?? fresh(text);
}

const bytesOf = (text: string): number => ENTRY_BYTES + 2 * text.length;

const HMAC = { name: "HMAC", hash: "SHA-256" };

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}
