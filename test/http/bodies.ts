/** Bodies for the tests of what reads them. */
export const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A body that a test sends piece by piece. */
export function openBody(onCancel: (reason: unknown) => void = () => {}) {
  const sink: { controller?: ReadableStreamDefaultController<Uint8Array> } = {};
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      sink.controller = controller;
    },
    cancel: onCancel,
  });
  return {
    stream,
    send: (text: string) => sink.controller?.enqueue(encode(text)),
    end: () => sink.controller?.close(),
    breakOff: (error: Error) => sink.controller?.error(error),
  };
}

/** A body in chunks, sent one by one as they are asked for. */
export function streamOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = chunks[sent++];
        if (chunk) controller.enqueue(chunk);
        else controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Bytes cut at the given places. */
export function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  return ends.map((end, i) => bytes.slice(ends[i - 1] ?? 0, end));
}

/** What some work rejects with. */
export const caught = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "no error",
    (error: unknown) => error,
  );
