import { request as httpRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { members, numbers } from "../support/fields.ts";
import { useGateway } from "../support/gateway.ts";
import { type Arrived, sha256, startMcpServer } from "../support/mcp-server.ts";

const KIB = 1024;
/** The longest body that is read. */
const MAX = 64 * KIB;

const origin = await startMcpServer();
afterAll(() => origin.close());

const gateway = useGateway({
  ORIGIN: origin.url,
  POLICIES: [
    {
      name: "tool",
      match: "POST /tools",
      key: "header:x-user + mcp:tool",
      limit: { by: "mcp:tool", search: "2/minute", "*": "50/minute" },
    },
    // Both have every body read, and refuse none.
    { name: "looked-at", match: "/any", key: "mcp:tool", limit: "1000000/minute", mode: "shadow" },
    { name: "looked-into", match: "/any", key: "body:/params/name", limit: "1000000/minute" },
  ],
});

interface Message {
  readonly chunks: readonly Uint8Array[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Between two chunks. */
  readonly pauseMs?: number;
}

const CALL = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "search" } };
const SEARCH = encode(CALL);
const JSON_TYPE = { "Content-Type": "application/json" };

/** Calls of the tool `search` that some origin would take for one, and that cannot be read for sure. */
const DISGUISES: Readonly<Record<string, Message>> = {
  "padded beyond 64 KiB": { chunks: [padded(MAX + 1)], headers: lengthOf(padded(MAX + 1)) },
  "padded beyond 64 KiB, in chunks": { chunks: cut(padded(100 * KIB), 9 * KIB) },
  compressed: { chunks: [gzipSync(SEARCH)], headers: { "Content-Encoding": "gzip" } },
  "compressed without saying so": { chunks: [gzipSync(SEARCH)] },
  "called compressed, and not": { chunks: [SEARCH], headers: { "Content-Encoding": "gzip" } },
  "batched alone": { chunks: [encode([CALL])] },
  "of another type": { chunks: [SEARCH], headers: { "Content-Type": "text/plain" } },
  "without a type": { chunks: [SEARCH], headers: { "Content-Type": "" } },
  "in UTF-16": { chunks: [Buffer.from(`\ufeff${JSON.stringify(CALL)}`, "utf16le")] },
  "in UTF-16 by its type": {
    chunks: [Buffer.from(JSON.stringify(CALL), "utf16le")],
    headers: { "Content-Type": "application/json; charset=utf-16le" },
  },
  "in UTF-7": {
    chunks: [Buffer.from(JSON.stringify(CALL).replace("method", "+AG0-ethod"))],
    headers: { "Content-Type": "application/json; charset=utf-7" },
  },
  // A parser that takes the last of two finds nothing to limit.
  "given two methods": {
    chunks: [Buffer.from(JSON.stringify(CALL).replace(/\}$/, ',"method":"tools/list"}'))],
  },
  "given two names": {
    chunks: [Buffer.from(JSON.stringify(CALL).replace('"search"', '"search","name":"other"'))],
  },
  "given two names, one escaped": {
    chunks: [Buffer.from(JSON.stringify(CALL).replace('"search"', '"search","n\\u0061me":"other"'))],
  },
  'given a "Method"': {
    chunks: [encode({ jsonrpc: "2.0", id: 1, Method: CALL.method, params: CALL.params })],
  },
  'given a "METHOD" beside another method': {
    chunks: [encode({ ...CALL, method: "ping", METHOD: CALL.method })],
  },
  'given a "Name"': { chunks: [encode({ ...CALL, params: { Name: "search" } })] },
  broken: { chunks: [SEARCH.subarray(0, -1)] },
};

describe("a call of a limited tool is no way round its limit", () => {
  it.each(Object.entries(DISGUISES))("when it is %s", async (_, message) => {
    const post = toolsOf(newUser());
    for (const remaining of [1, 0]) {
      const answer = await post(message);
      expect(answer.status).toBe(200);
      // The row of `search`, though nothing tells that it is that tool.
      expect(members(answer, "RateLimit-Policy")).toEqual([["tool", { q: 2, w: 60 }]]);
      expect(numbers(answer).remaining).toBe(remaining);
      expect(await arrived(answer)).toMatchObject(sent(message));
    }
    expect((await post(message)).status).toBe(429);
  });

  it("when it comes slower than a second", async () => {
    const post = toolsOf(newUser());
    const slow = {
      chunks: [SEARCH.subarray(0, 20), SEARCH.subarray(20, 40), SEARCH.subarray(40)],
      pauseMs: 1_000,
    };
    const known = { ...slow, headers: lengthOf(SEARCH) };
    const answers = await Promise.all([post(slow), post(known)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(await arrived(answers[0])).toMatchObject({ ...sent(slow), contentLength: null });
    expect(await arrived(answers[1])).toMatchObject({ ...sent(known), contentLength: String(SEARCH.length) });
    const before = origin.arrivals();
    expect((await post({ ...slow, pauseMs: 0, headers: { "Content-Type": "text/plain" } })).status).toBe(429);
    expect(origin.arrivals()).toBe(before);
  });

  it("when it changes from one disguise to the next", async () => {
    const all = Object.entries(DISGUISES);
    for (const [i, [name, third]] of all.entries()) {
      const post = toolsOf(newUser());
      const first = all.at(i - 2)?.[1] ?? third;
      const second = all.at(i - 1)?.[1] ?? third;
      const statuses = [];
      for (const message of [first, second, third]) statuses.push((await post(message)).status);
      expect([name, ...statuses]).toEqual([name, 200, 200, 429]);
    }
  });

  it.each([
    ["too large to read", { chunks: [padded(MAX + 1, encode([CALL, CALL, CALL]))] }],
    [
      "compressed",
      { chunks: [gzipSync(encode([CALL, CALL, CALL]))], headers: { "Content-Encoding": "gzip" } },
    ],
    ["of another type", { chunks: [encode([CALL, CALL])], headers: { "Content-Type": "text/plain" } }],
    ["compressed so that Weir cannot unpack it", { chunks: [SEARCH], headers: { "Content-Encoding": "br" } }],
  ] satisfies [string, Message][])(
    "when it may be one of a batch of nobody knows how many, %s: that is never admitted",
    async (_, message) => {
      const post = toolsOf(newUser());
      const answer = await post(message);
      expect([answer.status, numbers(answer).retryAfter]).toEqual([429, undefined]);
      expect((await post({ chunks: [SEARCH] })).status).toBe(200);
    },
  );

  it("when it is one of a batch in which a name stands twice", async () => {
    const text = JSON.stringify([CALL, CALL, CALL]).replace('"id":1', '"id":1,"id":1');
    const answer = await toolsOf(newUser())({ chunks: [Buffer.from(text)] });
    expect([answer.status, numbers(answer).retryAfter]).toEqual([429, undefined]);
  });

  it("when it is one of a batch, which costs as much as all its messages", async () => {
    const post = toolsOf(newUser());
    const batch = (...messages: unknown[]) => ({ chunks: [encode(messages)] });
    const both = batch({ ...CALL, method: "tools/list" }, CALL);
    const answer = await post(both);
    expect([answer.status, numbers(answer).remaining]).toEqual([200, 0]);
    expect(await arrived(answer)).toMatchObject(sent(both));
    expect((await post(batch(CALL))).status).toBe(429);
    const other = toolsOf(newUser());
    const tooMany = await other(batch(CALL, CALL, CALL));
    expect([tooMany.status, numbers(tooMany).retryAfter]).toEqual([429, undefined]);
    expect((await other(both)).status).toBe(200);
  });

  it.each(["Search", " search\t", "SEARCH"])("when it calls the tool %j", async (name) => {
    const post = toolsOf(newUser());
    await post({ chunks: [SEARCH] });
    await post({ chunks: [encode({ ...CALL, method: "Tools/Call ", params: { name } })] });
    expect((await post({ chunks: [SEARCH] })).status).toBe(429);
  });

  it("when what it says is escaped, cut anywhere, or padded to 64 KiB", async () => {
    const post = toolsOf(newUser());
    const escaped = '{"jsonrpc":"2.0","id":1,"m\\u0065thod":"tools\\/call","params":{"name":"\\u0073earch"}}';
    await post({ chunks: cut(Buffer.from(escaped), 7) });
    await post({ chunks: [padded(MAX)] });
    expect((await post({ chunks: [SEARCH] })).status).toBe(429);
  });
});

describe("a body that cannot be read", () => {
  it("uses up neither another user's room, nor that of tools which can be told", async () => {
    const post = toolsOf(newUser());
    for (const message of Object.values(DISGUISES).slice(0, 3)) await post(message);
    expect((await post({ chunks: [SEARCH] })).status).toBe(200);
    expect((await toolsOf(newUser())({ chunks: [encode([CALL])] })).status).toBe(200);
  });

  it("leaves alone what has none", async () => {
    const post = toolsOf(newUser());
    for (let i = 0; i < 3; i++) expect((await post({ chunks: [] })).headers.has("ratelimit")).toBe(false);
  });
});

describe("the origin is told the length that the client told", () => {
  it.each<[string, Message]>([
    ["a message", { chunks: [SEARCH] }],
    ["no byte", { chunks: [] }],
    ["64 KiB", { chunks: [padded(MAX)] }],
    ["a byte more", { chunks: [padded(MAX + 1)] }],
    ["a megabyte", { chunks: cut(padded(KIB * KIB), 30 * KIB) }],
    ["another type", { chunks: [padded(MAX + 1)], headers: { "Content-Type": "text/plain" } }],
    ["a compressed body", { chunks: [gzipSync(SEARCH)], headers: { "Content-Encoding": "gzip" } }],
  ])("of %s", async (_, { chunks, headers }) => {
    const body = Buffer.concat(chunks);
    const answer = await post("/any", { chunks, headers: { ...headers, ...lengthOf(body) } });
    expect(await arrived(answer)).toEqual({
      ...sent({ chunks }),
      contentLength: String(body.length),
      transferEncoding: null,
    });
  });
});

describe("any body", () => {
  const TYPES = [
    "application/json",
    "application/json; charset=utf-8",
    "Application/VND.api+JSON",
    "application/json; charset=utf-16",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "no type; at=all",
    "",
  ];
  const anyJson = fc.oneof(
    fc.json().map(Buffer.from),
    fc
      .record({ jsonrpc: fc.constant("2.0"), method: fc.constant("tools/call"), params: fc.object() })
      .map(encode),
    fc.array(fc.constant(CALL), { maxLength: 3 }).map(encode),
  );
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    anyJson,
    fc.tuple(anyJson, fc.constantFrom(MAX - 400, MAX, 3 * MAX)).map(([json, size]) => padded(size, json)),
    fc
      .tuple(fc.uint8Array({ minLength: 1, maxLength: 50 }), fc.nat({ max: 4 * MAX }))
      .map(([seed, size]) => Buffer.alloc(size, seed)),
    anyJson.map((json) => gzipSync(json)),
  );
  const anyMessage = fc.record({
    method: fc.constantFrom("POST", "POST", "PUT", "PATCH", "DELETE"),
    bytes: anyBytes,
    type: fc.constantFrom(...TYPES),
    encoding: fc.constantFrom("", "", "gzip", "identity", "br"),
    tellsLength: fc.boolean(),
    chunk: fc.constantFrom(1, 100, 4 * KIB, MAX - 1, MAX, 8 * MAX),
    pauseMs: fc.constantFrom(undefined, undefined, 0, 5),
  });

  it("reaches the origin byte for byte, however it is sent", async () => {
    await fc.assert(
      fc.asyncProperty(anyMessage, async ({ method, bytes, type, encoding, tellsLength, chunk, pauseMs }) => {
        const chunks = cut(bytes, Math.max(chunk, bytes.length / 50));
        const headers = {
          "Content-Type": type,
          ...(encoding && { "Content-Encoding": encoding }),
          ...(tellsLength && lengthOf(bytes)),
        };
        const answer = await post(
          "/any",
          { chunks, headers, ...(pauseMs !== undefined && { pauseMs }) },
          method,
        );
        expect(answer.status).toBe(200);
        const { contentLength, ...what } = await arrived(answer);
        expect(what).toMatchObject(sent({ chunks: [bytes] }));
        if (tellsLength) expect(contentLength).toBe(String(bytes.length));
      }),
      { numRuns: 60 },
    );
  });
});

let users = 0;

function newUser(): string {
  users += 1;
  return `bodies-user-${users}`;
}

/** Posts to the tools as a user. */
const toolsOf = (user: string) => (message: Message) =>
  post("/tools", { ...message, headers: { "X-User": user, ...message.headers } });

/** Sends a body as it is, which `fetch` would not: chunk by chunk, and chunked unless its length is among the fields. */
function post(path: string, { chunks, headers, pauseMs }: Message, method = "POST"): Promise<Response> {
  return new Promise((answered, failed) => {
    const isSized = headers?.["Content-Length"] !== undefined;
    const all = { ...JSON_TYPE, ...(!isSized && { "Transfer-Encoding": "chunked" }), ...headers };
    const options = { method, headers: Object.fromEntries(Object.entries(all).filter(([, value]) => value)) };
    const outgoing = httpRequest(gateway.weir.url + path, options, async (response) => {
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(part as Buffer);
      const { statusCode: status = 0, headersDistinct } = response;
      const received = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
        values.map((value): [string, string] => [name, value]),
      );
      answered(new Response(Buffer.concat(parts), { status, headers: received }));
    });
    outgoing.once("error", failed);
    outgoing.setNoDelay();
    outgoing.flushHeaders();
    void (async () => {
      for (const [i, chunk] of chunks.entries()) {
        if (i > 0 && pauseMs !== undefined) await sleep(pauseMs);
        outgoing.write(chunk);
      }
      outgoing.end();
    })();
  });
}

/** What the origin says of the body that it received. */
async function arrived(answer: Response | undefined): Promise<Arrived> {
  return (await answer?.json()) as Arrived;
}

function sent({ chunks }: Message): Pick<Arrived, "bytes" | "sha256"> {
  const body = Buffer.concat(chunks);
  return { bytes: body.length, sha256: sha256(body) };
}

function encode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** JSON with white space after it. */
function padded(size: number, json: Uint8Array = encode(CALL)): Buffer {
  return Buffer.concat([json, Buffer.alloc(Math.max(0, size - json.length), " ")]);
}

function lengthOf(body: Uint8Array): Readonly<Record<string, string>> {
  return { "Content-Length": String(body.length) };
}

function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const whole = Math.ceil(size);
  return Array.from({ length: Math.ceil(bytes.length / whole) }, (_, i) =>
    bytes.subarray(i * whole, (i + 1) * whole),
  );
}
