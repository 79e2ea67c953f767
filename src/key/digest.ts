/** Text to a fixed-length name that does not reveal it: 128 bits, 22 characters of base64url. */
export type Digest = (text: string) => Promise<string>;

/**
 * Digests by HMAC-SHA-256 with a secret. Without one they are plain SHA-256: as unequal, but whoever
 * reads the store can find an IPv4 address by trying them all.
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
  return async (text) => base64Url(new Uint8Array(await sign(encoder.encode(text)), 0, 16));
}

const HMAC = { name: "HMAC", hash: "SHA-256" };

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}
