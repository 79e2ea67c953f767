import { createReadStream, statSync } from "node:fs";
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { createGunzip, type Gunzip } from "node:zlib";
import { UsageError } from "../usage-error.ts";

/** A longer line is no request that any server would have taken. Characters. */
const MAX_LINE_LENGTH = 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;

/** A log that can be read once. */
export interface LogFile {
  readonly name: string;
  /** How much there is to read; undefined when that cannot be told. */
  readonly bytes: number | undefined;
  /** How much has been read so far, before it is unpacked. */
  bytesRead(): number;
  /** Its text, without regard to lines. Rejects with a `UsageError` when it cannot be read. */
  text(): AsyncGenerator<string>;
}

/** A file, or with "-" standard input; packed by gzip or not, as its first bytes tell. Throws when there is no such file. */
export function openLog(name: string, path: string, stdin: Readable): LogFile {
  let read = 0;
  const bytes = name === "-" ? undefined : sizeOf(name, path);
  const raw = (): Readable => (name === "-" ? stdin : createReadStream(path, { highWaterMark: CHUNK_BYTES }));

  async function* counted(source: Readable): AsyncGenerator<Buffer> {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      read += chunk.length;
      yield chunk;
    }
  }

  return {
    name: name === "-" ? "standard input" : name,
    bytes,
    bytesRead: () => read,
    async *text() {
      const decoder = new StringDecoder("utf8");
      try {
        for await (const chunk of unpacked(counted(raw()))) yield decoder.write(chunk);
      } catch (error) {
        throw new UsageError(`${name} cannot be read to its end: ${messageOf(error)}`);
      }
      yield decoder.end();
    },
  };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function sizeOf(name: string, path: string): number | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new UsageError(`${name} does not exist`);
  if (stats.isDirectory()) throw new UsageError(`${name} is a folder`);
  return stats.isFile() ? stats.size : undefined;
}

/** Looks at the first chunk. A gzip file may have several members, which zlib reads one after the other. */
async function* unpacked(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const first = await chunks.next();
  if (first.done) return;
  if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) {
    yield first.value;
    yield* chunks;
    return;
  }
  yield* gunzipped(first.value, chunks);
}

async function* gunzipped(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  const feeding = feed(gunzip, first, rest).catch((error: Error) => gunzip.destroy(error));
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) yield chunk;
  } finally {
    gunzip.destroy();
    await feeding;
  }
}

async function feed(gunzip: Gunzip, first: Buffer, rest: AsyncGenerator<Buffer>): Promise<void> {
  for (let chunk: Buffer | undefined = first; chunk; chunk = await nextOf(rest)) {
    if (gunzip.destroyed) return;
    if (!gunzip.write(chunk)) await drained(gunzip);
  }
  gunzip.end();
}

async function nextOf(chunks: AsyncGenerator<Buffer>): Promise<Buffer | undefined> {
  const next = await chunks.next();
  return next.done ? undefined : next.value;
}

const drained = (gunzip: Gunzip): Promise<void> =>
  new Promise((done) => {
    const over = () => {
      gunzip.off("drain", over).off("close", over);
      done();
    };
    gunzip.on("drain", over).on("close", over);
  });

/**
 * The lines of a text that comes in pieces. Too long ones are cut, so that a file without line ends needs no memory.
 *
 * @param onLine hears of each line, without its end
 */
export function createLineSplitter(onLine: (line: string) => void): {
  write(text: string): void;
  end(): void;
} {
  let rest = "";
  let isCut = false;

  function emit(line: string): void {
    if (!isCut) onLine(line.endsWith("\r") ? line.slice(0, -1) : line);
    isCut = false;
  }

  return {
    write(piece) {
      const text = rest === "" ? piece : rest + piece;
      let start = 0;
      for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
        emit(text.slice(start, end));
        start = end + 1;
      }
      rest = text.slice(start);
      if (rest.length <= MAX_LINE_LENGTH) return;
      if (!isCut) onLine(rest.slice(0, MAX_LINE_LENGTH));
      isCut = true;
      rest = "";
    },
    end() {
      if (rest !== "") emit(rest);
      rest = "";
    },
  };
}
