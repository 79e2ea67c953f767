import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isJsonType, parseJsonBody } from "../../src/key/json-body.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (text: string) => parseJsonBody(encode(text));
const UNREADABLE = { kind: "unreadable", messages: 1 };
const KIB = 1024;

describe("a body", () => {
  it("without a byte is absent", () => {
    expect(parse("")).toEqual({ kind: "absent" });
  });

  it.each(["null", "0", '""', "[]", "{}", ' {"a":[1,{"b":null}]}\r\n', '{"":""}', '{"__proto__":{"a":1}}'])(
    "of JSON is its value: %s",
    (text) => {
      expect(parse(text)).toEqual({ kind: "json", value: JSON.parse(text) });
    },
  );

  it("of any JSON is its value, however it is indented", () => {
    fc.assert(
      fc.property(fc.json({ depthSize: "large" }), fc.constantFrom("", " ", "\t", "\r\n"), (text, indent) => {
        const value = JSON.parse(text) as unknown;
        expect(parse(JSON.stringify(value, undefined, indent))).toEqual({ kind: "json", value });
      }),
      { numRuns: 500 },
    );
  });

  it.each([" ", "{", '{"a":1} {"b":2}', "{'a':1}", '{"a":1,}', "NaN", "// x", '"\u0000"', "\ufeff\ufeff{}"])(
    "that is not JSON is unreadable: %j",
    (text) => {
      expect(parse(text)).toEqual(UNREADABLE);
    },
  );

  it("may begin with a byte order mark", () => {
    expect(parse('\ufeff{"a":1}')).toEqual({ kind: "json", value: { a: 1 } });
  });

  it.each([
    ["a byte that UTF-8 never has", [0x22, 0xff, 0x22]],
    ["a cut sequence", [0x22, 0xe2, 0x82, 0x22]],
    ["an overlong quote", [0x22, 0xc0, 0xa2, 0x22]],
    ["a surrogate in UTF-8", [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ["UTF-16, little-endian with its mark", [0xff, 0xfe, 0x7b, 0, 0x7d, 0]],
    ["UTF-16, little-endian", [0x7b, 0, 0x7d, 0]],
    ["UTF-16, big-endian", [0, 0x7b, 0, 0x7d]],
  ])("with %s is unreadable", (_, bytes) => {
    expect(parseJsonBody(Uint8Array.from(bytes))).toEqual(UNREADABLE);
  });

  it("never throws, whatever its bytes", () => {
    const anyText = fc.string({ unit: fc.constantFrom(...'{}[]":,\\u0061 ab1e-.\n\ufeff') }).map(encode);
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), anyText), (bytes) => {
        expect(["absent", "json", "unreadable"]).toContain(parseJsonBody(bytes).kind);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("a name that is there twice", () => {
  it.each([
    '{"method":"a","method":"b"}',
    '{"a":1,"a":1}',
    '{"":0,"":0}',
    '{"method":"a","m\\u0065thod":"b"}',
    '{"a\\/":1,"a/":2}',
    '{"params":{"name":"a","name":"b"}}',
    '{"__proto__":1,"__proto__":2}',
    '{"0":1,"0":2}',
    '{"a" \t\r\n : 1, "a":2}',
    '{"a":{"x":1},"a":1}',
  ])("makes the body unreadable: %s", (text) => {
    expect(JSON.parse(text)).toBeDefined();
    expect(parse(text)).toEqual(UNREADABLE);
  });

  it.each([
    ['[[{"a":{"b":[{"c":1,"c":2}]}}]]', 1],
    ['[{"a":1,"a":2},{},{}]', 3],
  ])("leaves the length of a list known: %s", (text, messages) => {
    expect(parse(text)).toEqual({ kind: "unreadable", messages });
  });

  it.each([
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":2}]',
    '{"a":"a","b":"a"}',
    '{"a":"\\"b\\":","c":"{\\"a\\":1,\\"a\\":2}"}',
    '{"a":"x\\\\","b":1}',
    '{"m\\u0065thod":"a"}',
    '{"a":["b","b:","c"]}',
    '{"a":1,"A":2}',
    '["a\u2028:b","\u2029"]',
  ])("is only one in the same object: %s", (text) => {
    expect(parse(text)).toEqual({ kind: "json", value: JSON.parse(text) });
  });

  it("is found wherever it stands and however it is escaped", () => {
    const escaped = (name: string): string =>
      `"${Array.from({ length: name.length }, (_, i) => `\\u${name.charCodeAt(i).toString(16).padStart(4, "0")}`).join("")}"`;
    const anyObject = fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue(), { minKeys: 1 });
    fc.assert(
      fc.property(anyObject, fc.array(fc.jsonValue()), fc.nat(), (object, around, pick) => {
        const names = Object.keys(object);
        const again = escaped(names[pick % names.length] ?? "");
        const text = JSON.stringify([around, { object }]);
        expect(parse(text)).toMatchObject({ kind: "json" });
        expect(parse(text.replace('{"object":{', () => `{"object":{${again}:0,`))).toEqual({
          ...UNREADABLE,
          messages: 2,
        });
      }),
      { numRuns: 500 },
    );
  });
});

describe("a deeply nested body", () => {
  it.each([32 * KIB, 512 * KIB])("of %i levels does not overflow the stack", (depth) => {
    expect(parse("[".repeat(depth) + "]".repeat(depth)).kind).toBe("json");
    expect(parse('{"a":'.repeat(depth) + 1 + "}".repeat(depth)).kind).toBe("json");
    expect(parse("[".repeat(2 * depth))).toEqual(UNREADABLE);
    expect(parse(`${'{"a":'.repeat(depth)}{"b":1,"b":2}${"}".repeat(depth)}`)).toEqual(UNREADABLE);
  });

  it.each([
    ["members", `{${Array.from({ length: 200_000 }, (_, i) => `"${i}":0`).join(",")}}`],
    ["elements", `[${"0,".repeat(500_000)}0]`],
    ["quotes in one string", `"${'\\"'.repeat(500_000)}"`],
  ])("or one of very many %s does neither", (_, text) => {
    expect(parse(text).kind).toBe("json");
  });
});

describe("a Content-Type", () => {
  it.each([
    "application/json",
    "Application/JSON",
    " application/json ; charset=utf-16",
    "application/json;",
    "application/problem+json",
    "application/vnd.api+json;x=y",
  ])("says JSON: %j", (type) => {
    expect(isJsonType(type)).toBe(true);
  });

  it.each([
    "",
    "json",
    "text/json",
    "application/json5",
    "application/x-ndjson",
    "application/+json/x",
    "application/json, text/plain",
    "text/plain, application/json",
    "text/plain, a/b+json",
    "text/plain; application/json",
    "application/problem+json+xml",
  ])("does not say JSON: %j", (type) => {
    expect(isJsonType(type)).toBe(false);
  });
});
