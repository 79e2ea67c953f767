import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { observeCost, parseCost } from "../../src/http/cost-reader.ts";
import { caught, cut, encode, openBody, streamOf } from "./bodies.ts";

const KIB = 1024;
const MAX = 64 * KIB;
const POINTER = ["usage", "total"];
const JSON_TYPE = "application/json";
const EVENTS = "text/event-stream";

const costDocument = (cost: unknown): string => JSON.stringify({ usage: { total: cost } });

function respond(body: BodyInit | null, type: string, headers: Record<string, string> = {}): Response {
  return new Response(body, { headers: { "content-type": type, ...headers } });
}

/** The cost in a body that is read to its end, having seen that every byte arrives. */
async function costOf(body: string | Uint8Array, type: string, places: readonly number[] = []) {
  const bytes = typeof body === "string" ? encode(body) : body;
  const { response, cost } = observeCost(respond(streamOf(cut(bytes, places)), type), POINTER);
  const received = new Uint8Array(await response.arrayBuffer());
  // Much faster than to compare as objects.
  expect(received.length === bytes.length && received.every((byte, i) => byte === bytes[i])).toBe(true);
  const stated = await cost;
  expect(stated?.isFinal ?? true).toBe(true);
  return stated?.units;
}

describe("a cost", () => {
  it.each<[unknown, number]>([
    [0, 0],
    [-0, 0],
    [1, 1],
    [1.01, 2],
    [0.001, 1],
    [1e300, Number.MAX_SAFE_INTEGER],
    [Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER],
    ["0", 0],
    ["12", 12],
    [" 12.5\t", 13],
    ["007", 7],
    ["1e3", 1_000],
    [".5", 1],
    ["5.", 5],
    ["9".repeat(400), Number.MAX_SAFE_INTEGER],
  ])("of %j is %i", (stated, cost) => {
    expect(parseCost(stated)).toBe(cost);
  });

  it.each([
    -1,
    -0.5,
    Number.NaN,
    null,
    undefined,
    true,
    [],
    [1],
    {},
    "",
    " ",
    "-1",
    "+1",
    "1e",
    "0x10",
    ".",
    "1,5",
    "1, 2",
    "NaN",
    "Infinity",
    "12 tokens",
  ])("is not readable in %j", (stated) => {
    expect(parseCost(stated)).toBeUndefined();
  });

  it("is a whole number of at least 0, or none", () => {
    const anyStated = fc.oneof(
      fc.anything(),
      fc.double(),
      fc.double().map(String),
      fc.string({ unit: fc.constantFrom(..."0159.-e ") }),
    );
    fc.assert(
      fc.property(anyStated, (stated) => {
        const cost = parseCost(stated);
        if (cost !== undefined)
          expect(Number.isSafeInteger(cost) && Object.is(Math.abs(cost), cost)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("the cost of a JSON response", () => {
  it.each([JSON_TYPE, "Application/JSON; charset=utf-8", "application/hal+json"])(
    "of type %s is read",
    async (type) => {
      expect(await costOf(costDocument(12), type)).toBe(12);
    },
  );

  it.each([
    [costDocument(1.5), 2],
    [costDocument("7"), 7],
    [`\ufeff${costDocument(3)}`, 3],
    [costDocument(0), 0],
    [costDocument(-1), undefined],
    [costDocument("many"), undefined],
    [costDocument(null), undefined],
    ['{"usage":[12]}', undefined],
    ["12", undefined],
    ["", undefined],
    [costDocument(12).slice(0, -1), undefined],
  ])("of %j is %j", async (text, cost) => {
    expect(await costOf(text, JSON_TYPE)).toBe(cost);
  });

  it("is read up to 64 KiB, and no further", async () => {
    const padded = (size: number) => costDocument(12).padEnd(size);
    expect(await costOf(padded(MAX), JSON_TYPE, [10, MAX - 1])).toBe(12);
    expect(await costOf(padded(MAX + 1), JSON_TYPE, [10, MAX - 1])).toBeUndefined();
    expect(await costOf(padded(10 * MAX), JSON_TYPE, [10, MAX, 2 * MAX])).toBeUndefined();
    expect(
      await costOf(`{"a":"${"ä".repeat(MAX / 2)}",${costDocument(12).slice(1)}`, JSON_TYPE),
    ).toBeUndefined();
  });

  it("is not looked for in a body that says it is larger", async () => {
    const original = respond("{}", JSON_TYPE, { "content-length": String(MAX + 1) });
    const { response, cost } = observeCost(original, POINTER);
    expect([response === original, await cost]).toEqual([true, undefined]);
  });
});

describe("the cost of a stream of events", () => {
  it("is the last that makes sense", async () => {
    const events = [costDocument(1), costDocument(5), costDocument(-1), '{"usage":null}', "text", "[DONE]"];
    expect(await costOf(events.map((data) => `data: ${data}\n\n`).join(""), EVENTS)).toBe(5);
  });

  it.each([
    ["line feeds", `data: ${costDocument(5)}\n\n`],
    ["carriage returns", `data: ${costDocument(5)}\r\r`],
    ["both", `data: ${costDocument(5)}\r\n\r\n`],
    ["other fields", `: comment\nid: 1\nevent: usage\nretry: x\ndata: ${costDocument(5)}\n\n`],
    ["data in several lines", 'data: {"usage":\ndata:{"total":\ndata:  5}}\n\n'],
    ["a byte order mark", `\ufeffdata: ${costDocument(5)}\n\n`],
    ["no blank line at its end", `data: ${costDocument(5)}\n`],
    ["no line end at its end", `data: ${costDocument(5)}`],
    ["a carriage return at its end", `data: ${costDocument(5)}\r`],
    ["half an event at its end", `data: ${costDocument(5)}\n\ndata: {"usage":{"total":77`],
    ["a cost of nothing", `data: ${costDocument(5)}\n\nid: 7\n\n`],
  ])("is read with %s", async (_, text) => {
    expect(await costOf(text, "text/event-stream; charset=utf-8")).toBe(5);
  });

  it.each(["", "\n\n", "data\n\n", `${costDocument(5)}\n\n`, "data: 5\n\n", `event: ${costDocument(5)}\n\n`])(
    "is none in %j",
    async (text) => {
      expect(await costOf(text, EVENTS)).toBeUndefined();
    },
  );

  it("is read in events of up to 64 KiB", async () => {
    const padded = (size: number) => `data: ${costDocument(9).padEnd(size - 6)}\n\n`;
    expect(await costOf(padded(MAX), EVENTS)).toBe(9);
    expect(await costOf(padded(MAX + 8 * KIB), EVENTS)).toBeUndefined();
  });

  it.each([
    ["one line", `data: "${"x".repeat(3 * MAX)}"\n\n`],
    ["many lines", `${`data: "${"x".repeat(100)}",\n`.repeat(2_000)}\n`],
    ["a comment", `: ${"x".repeat(3 * MAX)}\n\n`],
  ])("survives an event that is too large: %s", async (_, large) => {
    const event = (cost: number) => `data: ${costDocument(cost)}\n\n`;
    expect(await costOf(large + event(5), EVENTS)).toBe(5);
    expect(await costOf(event(4) + large + event(5) + large, EVENTS, [9, MAX, 2 * MAX])).toBe(5);
  });

  it.each(["\n", "\r\n", "\r"])(
    "is not taken from the rest of one that is too large, with %j",
    async (end) => {
      const [large, next] = [costDocument(9), `data: ${costDocument(5)}${end}${end}`];
      for (let length = 17 * 4 * KIB - 4; length < 17 * 4 * KIB + 2; length++) {
        const line = `data: ${"x".repeat(length - 6)}${end}`;
        expect(await costOf(`${line}${end}${next}`, EVENTS)).toBe(5);
        expect(await costOf(`${line}data: ${large}${end}${end}${next}`, EVENTS)).toBe(5);
        expect(await costOf(`${line}data: ${large}${end}${end}`, EVENTS)).toBeUndefined();
      }
    },
  );

  it("is read after lines that mean nothing", async () => {
    const lines = `retry: soon\n${": wait\n".repeat(2_000)}`;
    expect(await costOf(`${lines}data: ${costDocument(5)}\n\n`, EVENTS)).toBe(5);
  });

  it("is the same, and so are the bytes, however they are cut", async () => {
    const anyData = fc.oneof(
      fc.nat({ max: 99 }).map(costDocument),
      fc.constantFrom("[DONE]", '{"a":"€ 😀"}', "{\ndata:"),
    );
    const anyLarge = fc
      .tuple(fc.nat({ max: 99 }), fc.constantFrom(-99, -9, 99, 4_000, 9_000))
      .map(([cost, more]) => costDocument(cost).padEnd(MAX + more));
    const anyLine = fc.oneof(
      anyData.map((data) => `data: ${data}`),
      anyLarge.map((data) => `data: ${data}`),
      fc.constantFrom(": ä", "id: 1", "", "x", `data:${"y".repeat(5_000)}`),
    );
    const anyEnd = fc.constantFrom("\n", "\r\n", "\r", "\n\n", "\r\n\r\n");
    const anyStream = fc.array(
      fc.tuple(anyLine, anyEnd).map((parts) => parts.join("")),
      { maxLength: 12 },
    );
    const anyPlaces = fc.array(fc.nat({ max: 300_000 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(anyStream, anyPlaces, fc.boolean(), async (lines, places, mark) => {
        const bytes = encode((mark ? "\ufeff" : "") + lines.join(""));
        const cost = await costOf(bytes, EVENTS);
        expect(await costOf(bytes, EVENTS, places)).toBe(cost);
        if (bytes.length < 2_000) expect(await costOf(bytes, EVENTS, [...bytes.keys()])).toBe(cost);
      }),
      { numRuns: 150 },
    );
  });

  it("never fails, whatever the bytes", async () => {
    const anyBytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.string({ unit: fc.constantFrom(..."data: {}[]1\r\n") }).map(encode),
    );
    await fc.assert(
      fc.asyncProperty(
        anyBytes,
        fc.array(fc.nat({ max: 300 })),
        fc.constantFrom(EVENTS, JSON_TYPE),
        async (bytes, places, type) => {
          await costOf(bytes, type, places);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("a character that is cut in two", () => {
  it.each([
    [JSON_TYPE, '{"größe":{"€😀":5}}'],
    [EVENTS, 'data: {"größe":{"€😀":5}}\n\n'],
  ])("is whole again in %s", async (type, text) => {
    const bytes = encode(text);
    const { response, cost } = observeCost(respond(streamOf(cut(bytes, [...bytes.keys()])), type), [
      "größe",
      "€😀",
    ]);
    expect(await response.text()).toBe(text);
    expect(await cost).toEqual({ units: 5, isFinal: true });
  });
});

describe("a response without a cost to see", () => {
  it.each(["text/html", "text/event-streams", "application/x-ndjson", "application/octet-stream", ""])(
    "of type %j stays the same",
    async (type) => {
      const original = respond(costDocument(5), type);
      const { response, cost } = observeCost(original, POINTER);
      expect([response === original, original.bodyUsed, original.body?.locked]).toEqual([true, false, false]);
      expect(await cost).toBeUndefined();
    },
  );

  it.each([200, 204, 304])("as it has no body stays the same: %i", async (status) => {
    const original = new Response(null, {
      status,
      headers: { "content-type": JSON_TYPE, "content-length": "9" },
    });
    const { response, cost } = observeCost(original, POINTER);
    expect([response === original, await cost]).toEqual([true, undefined]);
  });
});

describe("an observed response", () => {
  it("keeps its status and fields but for the length", async () => {
    const headers = new Headers([
      ["content-type", JSON_TYPE],
      ["content-length", "2"],
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ]);
    const { response } = observeCost(
      new Response("{}", { status: 418, statusText: "Teapot", headers }),
      POINTER,
    );
    expect([response.status, response.statusText]).toEqual([418, "Teapot"]);
    expect([...response.headers]).toEqual([
      ["content-type", JSON_TYPE],
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ]);
    expect(await response.text()).toBe("{}");
  });

  it("passes each chunk on at once, and asks for no more than it is asked for", async () => {
    const pulled = vi.fn();
    let sent = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled();
          controller.enqueue(encode(`data: ${sent++}\n\n`));
        },
      },
      { highWaterMark: 0 },
    );
    const { response } = observeCost(respond(body, EVENTS), POINTER);
    await scheduler.wait(5);
    expect(pulled).not.toHaveBeenCalled();
    const reader = response.body?.getReader();
    for (let i = 0; i < 3; i++) {
      expect((await reader?.read())?.value).toEqual(encode(`data: ${i}\n\n`));
      expect(pulled).toHaveBeenCalledTimes(i + 1);
    }
    await reader?.cancel();
  });

  it("may be observed at several pointers", async () => {
    const one = observeCost(respond('{"a":1,"b":2}', JSON_TYPE), ["a"]);
    const both = observeCost(one.response, ["b"]);
    expect(await both.response.text()).toBe('{"a":1,"b":2}');
    expect([(await one.cost)?.units, (await both.cost)?.units]).toEqual([1, 2]);
  });
});

describe("a client that leaves", () => {
  it.each([
    [EVENTS, `data: ${costDocument(5)}\n\ndata: {"us`, { units: 5, isFinal: false }],
    [EVENTS, 'data: {"usage":', undefined],
    [JSON_TYPE, '{"usage":{"total":5', undefined],
  ])("of a body of %s cancels it, with what was seen: %j", async (type, sent, expected) => {
    const onCancel = vi.fn();
    const open = openBody(onCancel);
    const { response, cost } = observeCost(respond(open.stream, type), POINTER);
    open.send(sent);
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel("gone");
    expect(onCancel).toHaveBeenCalledExactlyOnceWith("gone");
    expect(await cost).toEqual(expected);
  });

  it("leaves while the origin is silent", async () => {
    const onCancel = vi.fn();
    const { response, cost } = observeCost(respond(openBody(onCancel).stream, EVENTS), POINTER);
    const reader = response.body?.getReader();
    const reading = reader?.read();
    await reader?.cancel();
    expect((await reading)?.done).toBe(true);
    expect(onCancel).toHaveBeenCalledOnce();
    expect(await cost).toBeUndefined();
  });

  it("before it has read anything is heard as well", async () => {
    const { response, cost } = observeCost(respond(openBody().stream, JSON_TYPE), POINTER);
    await response.body?.cancel();
    expect(await cost).toBeUndefined();
  });
});

describe("an origin that breaks off", () => {
  it.each([
    [EVENTS, `data: ${costDocument(5)}\n\ndata: {"us`, { units: 5, isFinal: false }],
    [JSON_TYPE, '{"usage":{"total":5', undefined],
  ])("within %s fails for the client, with what was seen: %j", async (type, sent, expected) => {
    const open = openBody();
    const { response, cost } = observeCost(respond(open.stream, type), POINTER);
    const reader = response.body?.getReader();
    open.send(sent);
    expect((await reader?.read())?.value).toEqual(encode(sent));
    open.breakOff(new Error("origin broke off"));
    expect(String(await caught(reader?.read() ?? Promise.resolve()))).toContain("origin broke off");
    expect(await cost).toEqual(expected);
  });
});
