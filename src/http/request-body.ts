import { isJsonType, type JsonBody, parseJsonBody, unreadable } from "../key/json-body.ts";
import { messagesIn } from "./batch-guess.ts";

export interface ReadBody {
  readonly body: JsonBody;
  /** The same request, its body whole, to forward. The one that was read cannot be used any more. */
  readonly request: Request;
}

const MAX_BODY_BYTES = 64 * 1024;
const MAX_READING_MS = 1_000;

type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** What was read of a body. */
interface Beginning {
  readonly body: ReadableStream<Uint8Array>;
  readonly reader: Reader;
  readonly chunks: readonly Uint8Array[];
  readonly isWhole: boolean;
  /** A read that was under way when the time was up. */
  readonly late?: ReturnType<Reader["read"]>;
}

/**
 * Reads at most 64 KiB within one second, only JSON. Everything else is `unreadable`; the request that
 * comes back delivers every byte in any case. Never rejects.
 */
export async function readBody(request: Request): Promise<ReadBody> {
  const { body, headers } = request;
  const length = contentLength(headers);
  if (body === null || length === 0) return { body: { kind: "absent" }, request };
  if (isUntouchable(request)) return { body: unreadable(), request };
  const isReadable = isPlainJson(headers) && (length ?? 0) <= MAX_BODY_BYTES;
  // Of the others the first bytes: they show whether it may be a batch.
  const beginning = await readBeginning(body, isReadable ? MAX_BODY_BYTES : 0);
  if (!beginning.isWhole || !isReadable) {
    const messages = await messagesIn(beginning.chunks, encodingOf(headers));
    return { body: unreadable(messages), request: beginAgain(request, beginning, length) };
  }
  const bytes = joined(beginning.chunks);
  return { body: parseJsonBody(bytes), request: new Request(request, { body: bytes }) };
}

/** A body of GET or HEAD could not be put into a request again, and one that is in use cannot be read. */
const isUntouchable = ({ method, body }: Request): boolean =>
  method === "GET" || method === "HEAD" || body?.locked === true;

/** Whether the body is JSON as it stands: of that type, in UTF-8, not compressed. */
function isPlainJson(headers: Headers): boolean {
  const type = headers.get("content-type") ?? "";
  return encodingOf(headers) === "identity" && isJsonType(type) && isUtf8(type);
}

const encodingOf = (headers: Headers): string =>
  headers.get("content-encoding")?.trim().toLowerCase() || "identity";

/** Whether a Content-Type names no other charset. A parameter that cannot be read may. */
function isUtf8(contentType: string): boolean {
  const others = contentType.replaceAll(/;\s*charset="?utf-?8"?\s*(?=;|$)/gi, "");
  return !/charset/i.test(others);
}

function contentLength(headers: Headers): number | undefined {
  const text = headers.get("content-length") ?? "";
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Reads until the end, the size limit, the time limit or a failure, whichever comes first. */
async function readBeginning(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<Beginning> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeUp = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), MAX_READING_MS);
  });
  try {
    for (let size = 0; size <= maxBytes; ) {
      const reading = reader.read();
      const result = await Promise.race([reading, timeUp]);
      if (result === undefined) return { body, reader, chunks, isWhole: false, late: reading };
      if (result.done) return { body, reader, chunks, isWhole: true };
      chunks.push(result.value);
      size += result.value.byteLength;
    }
  } catch {
    // The client broke off: so does the body that is forwarded.
  } finally {
    if (timer !== undefined) clearTimeout(timer);
  }
  return { body, reader, chunks, isWhole: false };
}

/** The request with its whole body again, no faster than that is read, and with its length if it has one. */
function beginAgain(request: Request, beginning: Beginning, length: number | undefined): Request {
  const { readable, writable } =
    length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length);
  const clientLeft = new AbortController();
  deliver(beginning, writable).catch(async (error: unknown) => {
    // An origin that has heard enough may still answer. One whose client left must not: without a length,
    // workerd ends the body as if it were whole.
    await beginning.body.cancel(error).catch(() => clientLeft.abort(error));
    await writable.abort(error).catch(() => {});
  });
  const signal = AbortSignal.any([request.signal, clientLeft.signal]);
  return new Request(request, { body: readable, signal });
}

async function deliver({ body, reader, chunks, late }: Beginning, writable: WritableStream): Promise<void> {
  const writer = writable.getWriter();
  try {
    for (const chunk of chunks) await writer.write(chunk);
    const result = await late;
    if (result?.value) await writer.write(result.value);
  } finally {
    writer.releaseLock();
    reader.releaseLock();
  }
  await body.pipeTo(writable, { preventAbort: true });
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}
