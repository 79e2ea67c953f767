import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readBody } from "../../src/http/request-body.ts";
import { caught, cut, encode, openBody, streamOf } from "./bodies.ts";

const KIB = 1024;
const MAX = 64 * KIB;
const UNREADABLE = { kind: "unreadable", messages: 1 };
/** Of nobody knows how many messages. */
const MAY_BE_A_BATCH = { kind: "unreadable", messages: Number.POSITIVE_INFINITY };
const JSON_TYPE = { "content-type": "application/json" };

const bytesOf = async ({ body }: Request): Promise<Uint8Array> =>
  new Uint8Array(await new Response(body).arrayBuffer());
const textOf = async (request: Request): Promise<string> => new TextDecoder().decode(await bytesOf(request));

function post(
  body: Uint8Array | string | ReadableStream | null,
  headers: Record<string, string> = JSON_TYPE,
): Request {
  return new Request("https://example.com/a?b", { method: "POST", headers, body });
}

describe("a request", () => {
  it("without a body is absent, and the same", async () => {
    const request = post(null, {});
    expect(await readBody(request)).toEqual({ body: { kind: "absent" }, request });
    const get = new Request("https://example.com/");
    expect((await readBody(get)).request).toBe(get);
  });

  it("with an empty body is absent, whatever its type", async () => {
    const request = post("", { "content-length": "0", "content-type": "text/plain" });
    expect(await readBody(request)).toEqual({ body: { kind: "absent" }, request });
    expect((await readBody(post(streamOf([])))).body).toEqual({ kind: "absent" });
  });

  it.each([
    "application/json",
    "Application/JSON; charset=UTF-8",
    'application/vnd.api+json;charset="utf-8";v=1',
    "application/json; charset=utf8",
  ])("of type %s is read, and delivers what it delivered", async (type) => {
    const text = ' {"a": ["ä", 1e2]}\n';
    const { body, request } = await readBody(post(text, { "content-type": type }));
    expect(body).toEqual({ kind: "json", value: { a: ["ä", 100] } });
    expect(await request.text()).toBe(text);
  });

  it("keeps its method, address, fields, redirect mode and edge facts, whole or not", async () => {
    for (const text of ["{}", " ".repeat(MAX + 1)]) {
      const original = new Request("https://example.com/a?b", {
        method: "PATCH",
        headers: { ...JSON_TYPE, "x-user": "u" },
        body: streamOf([encode(text)]),
        redirect: "manual",
        cf: { country: "DE" } as RequestInitCfProperties,
      });
      const { request } = await readBody(original);
      expect(request).not.toBe(original);
      expect(request).toMatchObject({ method: "PATCH", url: "https://example.com/a?b", redirect: "manual" });
      expect(Object.fromEntries(request.headers)).toEqual({ ...JSON_TYPE, "x-user": "u" });
      expect(request.cf).toEqual({ country: "DE" });
      expect(await request.text()).toBe(text);
    }
  });
});

describe("a body that cannot be read", () => {
  const gzipped = async (text: string) =>
    new Uint8Array(
      await new Response(new Response(text).body?.pipeThrough(new CompressionStream("gzip"))).arrayBuffer(),
    );

  it.each<[string, Record<string, string>]>([
    ["without a type", {}],
    ["of another type", { "content-type": "text/plain" }],
    ["of several types", { "content-type": "application/json, text/plain" }],
    ["of a form", { "content-type": "application/x-www-form-urlencoded" }],
    ["in another charset", { "content-type": "application/json; charset=utf-16" }],
    ["in two charsets", { "content-type": "application/json; charset=utf-8; charset=utf-7" }],
    ["in a charset in other words", { "content-type": "application/json; charset*=utf-16''x" }],
    ["that is compressed", { ...JSON_TYPE, "content-encoding": "gzip" }],
    ["that is compressed twice", { ...JSON_TYPE, "content-encoding": "identity, br" }],
  ])("%s is delivered as it is", async (_, headers) => {
    const { body, request } = await readBody(post(streamOf([encode('{"a":1}')]), headers));
    expect(body).toEqual(
      "content-encoding" in headers && headers["content-encoding"].includes("br")
        ? MAY_BE_A_BATCH
        : UNREADABLE,
    );
    expect(await textOf(request)).toBe('{"a":1}');
  });

  it.each([
    ["a batch in another type", '[{"a":1}]', { "content-type": "text/plain" }, MAY_BE_A_BATCH],
    ["a batch that is too large", ` [${" ".repeat(MAX)}]`, JSON_TYPE, MAY_BE_A_BATCH],
    [
      "a batch that says it is too large",
      `[${" ".repeat(MAX)}`,
      { ...JSON_TYPE, "content-length": String(MAX + 1) },
      MAY_BE_A_BATCH,
    ],
    ["white space for a beginning", " ".repeat(MAX + 1), JSON_TYPE, MAY_BE_A_BATCH],
    ["an object that is too large", ` \n{"a":"${" ".repeat(MAX)}"}`, JSON_TYPE, UNREADABLE],
    [
      "a batch in UTF-16",
      "\ufeff[\0]\0",
      { "content-type": "application/json; charset=utf-16" },
      MAY_BE_A_BATCH,
    ],
  ])("by its beginning may hold so many messages: %s", async (_, text, headers, expected) => {
    const { body, request } = await readBody(post(text, headers as Record<string, string>));
    expect(body).toEqual(expected);
    expect(await textOf(request)).toBe(text.replace("\ufeff", ""));
  });

  it.each([
    ["gzip", "gzip", '{"a":1}', UNREADABLE],
    ["gzip", "gzip", ' [{"a":1}]', MAY_BE_A_BATCH],
    ["deflate", "deflate", "[1]", MAY_BE_A_BATCH],
    ["deflate", "X-Gzip", "[1]", UNREADABLE],
    ["gzip", "gzip, gzip", "{}", MAY_BE_A_BATCH],
  ] as const)(
    "packed by %s and called %s may hold so many messages: %s",
    async (format, called, text, expected) => {
      const packed = new Response(new Response(text).body?.pipeThrough(new CompressionStream(format)));
      const bytes = new Uint8Array(await packed.arrayBuffer());
      const { body, request } = await readBody(post(bytes, { ...JSON_TYPE, "content-encoding": called }));
      expect(body).toEqual(expected);
      expect(await bytesOf(request)).toEqual(bytes);
    },
  );

  it.each(["GET", "HEAD"])("with %s, which no new request may have, is not touched", async (method) => {
    const original = Object.defineProperty(post("{}"), "method", { value: method });
    expect(await readBody(original)).toEqual({ body: UNREADABLE, request: original });
    expect(await original.text()).toBe("{}");
  });

  it("because it is in use already leaves the request alone", async () => {
    const original = post("{}");
    await original.text();
    expect(await readBody(original)).toEqual({ body: UNREADABLE, request: original });
    const locked = post("{}");
    locked.body?.getReader();
    expect(await readBody(locked)).toEqual({ body: UNREADABLE, request: locked });
  });

  it.each([
    ["cut JSON", encode('{"a":')],
    ["white space", encode("   ")],
    ["a name twice", encode('{"method":"a","m\\u0065thod":"b"}')],
    ["UTF-16", Uint8Array.from([0xff, 0xfe, 0x7b, 0, 0x7d, 0])],
    ["brackets without end", encode("[".repeat(MAX))],
  ])("for being %s is delivered as it is", async (_, bytes) => {
    const { body, request } = await readBody(post(bytes));
    expect(body).toEqual(UNREADABLE);
    expect(await bytesOf(request)).toEqual(bytes);
  });

  it("for being compressed without saying so is delivered as it is", async () => {
    const bytes = await gzipped('{"a":1}');
    const { body, request } = await readBody(post(bytes));
    expect(body).toEqual(UNREADABLE);
    expect(await bytesOf(request)).toEqual(bytes);
  });

  it("may say that it is not encoded, and begin with a byte order mark", async () => {
    const bytes = encode('\ufeff{"a":1}');
    const { body, request } = await readBody(post(bytes, { ...JSON_TYPE, "content-encoding": " Identity " }));
    expect(body).toEqual({ kind: "json", value: { a: 1 } });
    expect(await bytesOf(request)).toEqual(bytes);
  });
});

describe("a body of 64 KiB", () => {
  const padded = (size: number) => encode(`{"a":1}${" ".repeat(size - 7)}`);

  it.each([[[]], [[7]], [[4 * KIB, 8 * KIB, MAX - 1]]])(
    "is read to its last byte when cut at %j",
    async (places) => {
      const bytes = padded(MAX);
      const { body, request } = await readBody(post(streamOf(cut(bytes, places))));
      expect(body).toEqual({ kind: "json", value: { a: 1 } });
      expect(await bytesOf(request)).toEqual(bytes);
    },
  );

  it.each([MAX + 1, MAX + 7, 2 * MAX, 16 * MAX])(
    "and more is unreadable, and delivered: %i",
    async (size) => {
      const bytes = padded(size);
      const chunks = cut(bytes, [5, 4 * KIB, MAX - 1, MAX, MAX + 3, 90 * KIB]);
      const { body, request } = await readBody(post(streamOf(chunks)));
      expect(body).toEqual(UNREADABLE);
      expect(await bytesOf(request)).toEqual(bytes);
    },
  );

  it("is all that is taken from a longer one until that is forwarded, and then no more than is asked for", async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>(
      { pull: (controller) => controller.enqueue(new Uint8Array(8 * KIB).fill(sent++)) },
      { highWaterMark: 0 },
    );
    const { body, request } = await readBody(post(endless));
    expect(body).toEqual(MAY_BE_A_BATCH);
    await scheduler.wait(20);
    expect(sent).toBe(9);
    const reader = request.body?.getReader();
    const received: number[] = [];
    while (received.length < 160 * KIB)
      for (const byte of (await reader?.read())?.value ?? []) received.push(byte);
    expect(received.every((byte, i) => byte === Math.floor(i / (8 * KIB)))).toBe(true);
    await scheduler.wait(20);
    expect(sent).toBeLessThanOrEqual(22);
    await reader?.cancel();
  });
});

describe("a body that comes slowly", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
  afterEach(() => void vi.useRealTimers());

  it.each([undefined, 10])(
    "is unreadable after a second, and loses nothing: its length is %s",
    async (length) => {
      const open = openBody();
      const headers = length === undefined ? JSON_TYPE : { ...JSON_TYPE, "content-length": String(length) };
      const reading = readBody(post(open.stream, headers));
      open.send('{"a"');
      await vi.advanceTimersByTimeAsync(600);
      open.send(":12");
      await vi.advanceTimersByTimeAsync(400);
      const { body, request } = await reading;
      expect(body).toEqual(UNREADABLE);
      const forwarded = request.text();
      open.send("34");
      open.send("}");
      open.end();
      expect(await forwarded).toBe('{"a":1234}');
    },
  );

  it("keeps to its length, which the origin is told", async () => {
    const open = openBody();
    const reading = readBody(post(open.stream, { ...JSON_TYPE, "content-length": "10" }));
    await vi.advanceTimersByTimeAsync(1_000);
    const forwarded = caught((await reading).request.text());
    open.send("[1]");
    open.end();
    expect(String(await forwarded)).toContain("FixedLengthStream");
  });

  it("is read when it ends within the second", async () => {
    const open = openBody();
    const reading = readBody(post(open.stream));
    open.send("[1");
    await vi.advanceTimersByTimeAsync(999);
    open.send("]");
    open.end();
    const { body, request } = await reading;
    expect(body).toEqual({ kind: "json", value: [1] });
    expect(await request.text()).toBe("[1]");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is waited for no longer than a second in all, however often a byte comes", async () => {
    const open = openBody();
    const reading = readBody(post(open.stream));
    let isDone = false;
    reading.then(() => (isDone = true));
    for (let i = 0; i < 9; i++) {
      open.send(" ");
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(isDone).toBe(false);
    await vi.advanceTimersByTimeAsync(100);
    expect((await reading).body).toEqual(MAY_BE_A_BATCH);
  });

  it("is delivered when nothing at all came in time", async () => {
    const open = openBody();
    const reading = readBody(post(open.stream));
    await vi.advanceTimersByTimeAsync(1_000);
    const { request } = await reading;
    const forwarded = request.text();
    open.end();
    expect(await forwarded).toBe("");
  });

  it("reaches its reader piece by piece", async () => {
    const open = openBody();
    const reading = readBody(post(open.stream));
    open.send("[1");
    await vi.advanceTimersByTimeAsync(1_000);
    const reader = (await reading).request.body?.getReader();
    expect((await reader?.read())?.value).toEqual(encode("[1"));
    open.send(",2");
    expect((await reader?.read())?.value).toEqual(encode(",2"));
    open.send(",3]");
    expect((await reader?.read())?.value).toEqual(encode(",3]"));
    open.end();
    expect((await reader?.read())?.done).toBe(true);
  });

  it("that breaks off later fails for its reader", async () => {
    const open = openBody();
    const reading = readBody(post(open.stream));
    open.send("[1");
    await vi.advanceTimersByTimeAsync(1_000);
    const forwarded = caught((await reading).request.text());
    open.breakOff(new Error("client left"));
    expect(String(await forwarded)).toContain("client left");
  });

  // Else workerd ends a body without a length as if it were whole: the origin would take a part for all.
  it("aborts the request when it breaks off later, and not when its reader leaves", async () => {
    const signalAfter = async (end: (open: ReturnType<typeof openBody>, request: Request) => unknown) => {
      const open = openBody();
      const reading = readBody(post(open.stream));
      open.send("[1");
      await vi.advanceTimersByTimeAsync(1_000);
      const { request } = await reading;
      const reader = request.body?.getReader();
      await reader?.read();
      reader?.releaseLock();
      await end(open, request);
      await scheduler.wait(20);
      return request.signal.aborted;
    };
    const leave = async (open: ReturnType<typeof openBody>, request: Request) => {
      await request.body?.cancel();
      open.send(",2");
    };
    expect(await signalAfter(leave)).toBe(false);
    expect(await signalAfter((open) => open.breakOff(new Error("client left")))).toBe(true);
  });

  it("is still aborted with the request that was read", async () => {
    const controller = new AbortController();
    const open = openBody();
    const reading = readBody(new Request(post(open.stream), { signal: controller.signal }));
    await vi.advanceTimersByTimeAsync(1_000);
    const { request } = await reading;
    controller.abort();
    expect(request.signal.aborted).toBe(true);
  });

  it("is cancelled when its reader leaves", async () => {
    const onCancel = vi.fn();
    const open = openBody(onCancel);
    const reading = readBody(post(open.stream));
    open.send("[1");
    await vi.advanceTimersByTimeAsync(1_000);
    const reader = (await reading).request.body?.getReader();
    await reader?.read();
    await reader?.cancel(new Error("origin left"));
    open.send(",2");
    await vi.waitFor(() => expect(onCancel).toHaveBeenCalledOnce());
  });
});

describe("a client that breaks off", () => {
  it("leaves an unreadable body, which fails for its reader after what came", async () => {
    const open = openBody();
    const reading = readBody(post(open.stream));
    open.send("[1");
    await scheduler.wait(5);
    open.breakOff(new Error("client left"));
    const { body, request } = await reading;
    expect(body).toEqual(MAY_BE_A_BATCH);
    const reader = request.body?.getReader();
    expect((await reader?.read())?.value).toEqual(encode("[1"));
    expect(String(await caught(reader?.read() ?? Promise.resolve()))).toContain("client left");
    expect(request.signal.aborted).toBe(true);
  });

  it("does no harm when nobody reads the rest", async () => {
    const open = openBody();
    const reading = readBody(post(open.stream));
    open.breakOff(new Error("client left"));
    expect((await reading).body).toEqual(MAY_BE_A_BATCH);
    await scheduler.wait(20);
  });
});

describe("any body in any chunks", () => {
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map(encode),
    fc
      .tuple(fc.json(), fc.constantFrom(MAX - 10, MAX, MAX + 1, 2 * MAX))
      .map(([text, size]) => encode(text + " ".repeat(size))),
  );
  const anyPlaces = fc.array(fc.nat({ max: 2 * MAX }), { maxLength: 12 });
  const anyHeaders = fc.constantFrom<Record<string, string>>(
    JSON_TYPE,
    JSON_TYPE,
    { "content-type": "text/plain" },
    {},
  );

  it("is delivered byte for byte, and read alike in one chunk", async () => {
    await fc.assert(
      fc.asyncProperty(anyBytes, anyPlaces, anyHeaders, async (bytes, places, headers) => {
        const { body, request } = await readBody(post(streamOf(cut(bytes, places)), headers));
        expect(await bytesOf(request)).toEqual(bytes);
        if (bytes.length > 0) expect(body).toEqual((await readBody(post(bytes, headers))).body);
      }),
      { numRuns: 150 },
    );
  });
});
