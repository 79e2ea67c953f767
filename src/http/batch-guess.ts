/** What an object begins with. A batch of JSON-RPC is a list. */
const BRACE = 0x7b;
/** White space of JSON, the byte order mark, and the other halves of UTF-16: they may stand before it. */
const SKIPPED = [0x20, 0x09, 0x0a, 0x0d, 0x00, 0xef, 0xbb, 0xbf, 0xfe, 0xff];

/**
 * How many messages a body that is not read to its end may hold, by how it begins: 1 when that is an object, Infinity when it
 * may be a batch of any length.
 */
export async function messagesIn(chunks: readonly Uint8Array[], encoding: string): Promise<number> {
  const plain = encoding === "identity" ? chunks : await inflated(chunks[0], encoding);
  // What cannot be unpacked, no origin can read either.
  if (!plain) return 1;
  for (const chunk of plain) {
    const first = chunk.find((byte) => !SKIPPED.includes(byte));
    if (first !== undefined) return first === BRACE ? 1 : Number.POSITIVE_INFINITY;
  }
  return Number.POSITIVE_INFINITY;
}

/** The first bytes of a compressed chunk, none when we cannot unpack it; undefined when it is not what it says. */
async function inflated(
  chunk: Uint8Array | undefined,
  encoding: string,
): Promise<readonly Uint8Array[] | undefined> {
  const format = FORMATS[encoding];
  if (!chunk || !format) return [];
  const { readable, writable } = new DecompressionStream(format);
  const writer = writable.getWriter();
  const reader = readable.getReader();
  try {
    // Not waited for: it ends only when all of it is read.
    writer.write(chunk).catch(() => {});
    writer.close().catch(() => {});
    const { value } = await reader.read();
    return value ? [value] : [];
  } catch {
    return undefined;
  } finally {
    reader.cancel().catch(() => {});
  }
}

const FORMATS: Readonly<Record<string, "gzip" | "deflate">> = {
  gzip: "gzip",
  "x-gzip": "gzip",
  deflate: "deflate",
};
