import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJsonBody } from "../../src/key/json-body.ts";
import { jsonRpcId, readMcpMessage } from "../../src/key/mcp-message.ts";

const bodyOf = (text: string) => parseJsonBody(new TextEncoder().encode(text));
const read = (text: string) => readMcpMessage(bodyOf(text));
const message = (method?: string, names: { tool?: string; prompt?: string } = {}) => ({
  kind: "message",
  method,
  tool: names.tool,
  prompt: names.prompt,
});
const unreadable = (messages: number) => ({ kind: "unreadable", messages });

const call = (name: unknown, method = "tools/call") =>
  JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { name, arguments: { name: "inner", Name: 1 } } });

describe("a message", () => {
  it("without a body is absent", () => {
    expect(read("")).toEqual({ kind: "absent" });
  });

  it("has the method that it names, and no tool or prompt", () => {
    expect(read('{"method":"tools/list","params":{"name":"x"}}')).toEqual(message("tools/list"));
    expect(read('{"jsonrpc":"2.0","id":1,"method":"Custom/Method"}')).toEqual(message("Custom/Method"));
  });

  it("has the tool that it calls", () => {
    expect(read(call("search"))).toEqual(message("tools/call", { tool: "search" }));
  });

  it("has the prompt that it gets", () => {
    expect(read(call("review", "prompts/get"))).toEqual(message("prompts/get", { prompt: "review" }));
  });

  it.each(["search", "Search", " SEARCH\t"])("names the same tool as %j", (name) => {
    expect(read(call(name))).toMatchObject({ tool: "search" });
  });

  it.each(["tools/call", "Tools/Call", " TOOLS/CALL\n"])("calls a tool by the method %j", (method) => {
    expect(read(call("search", method))).toEqual(message(method.trim(), { tool: "search" }));
  });

  it("is the same however it is escaped", () => {
    expect(read('{"m\\u0065thod":"tools\\u002fcall","par\\u0061ms":{"n\\u0061me":"s\\u0065arch"}}')).toEqual(
      message("tools/call", { tool: "search" }),
    );
  });

  it.each([undefined, null, "", "  "])("without a name for a tool: %j", (name) => {
    expect(read(call(name))).toEqual(message("tools/call"));
    expect(read(call(name, "prompts/get"))).toEqual(message("prompts/get"));
  });

  it.each(["null", '"search"', "1", "{}"])("with the params %s has no tool", (params) => {
    expect(read(`{"method":"tools/call","params":${params}}`)).toEqual(message("tools/call"));
  });

  it.each(["{}", '{"method":null}', '{"method":" "}', '{"id":1,"result":{}}'])(
    "without a method: %s",
    (text) => {
      expect(read(text)).toEqual(message());
    },
  );

  it.each(['"tools/call"', "1", "null", "true"])("that is no object says nothing: %s", (text) => {
    expect(read(text)).toEqual(message());
  });
});

describe("an unreadable message", () => {
  it.each([
    ["[]", 1],
    ["[1]", 1],
    [`[${call("a")},${call("b")},3]`, 3],
    [`[${Array.from({ length: 200 }, () => call("a")).join(",")}]`, 200],
    [`[[${call("a")},${call("b")}]]`, 1],
    [`[${call("a")},{"a":1,"a":2}]`, 2],
  ])("is a batch, with its length: %j", (text, messages) => {
    expect(read(text)).toEqual(unreadable(messages));
  });

  it.each(["{", "[1,2", '{"method":"a","method":"b"}', "\ufeff\ufeff{}"])(
    "counts once when its body is unreadable: %s",
    (text) => {
      expect(read(text)).toEqual(unreadable(1));
    },
  );

  it.each([
    '{"Method":"tools/call"}',
    '{"method":"ping","METHOD":"tools/call"}',
    '{"method":"ping","m\\u0045thod":"tools/call"}',
    '{"method":"tools/call","params":{"name":"a"},"Params":{"name":"b"}}',
    '{"method":"ping","PARAMS":1}',
    '{"method":"tools/call","param\u017f":{"name":"b"}}',
    '{"method":"tools/call","params":{"name":"a","Name":"b"}}',
    '{"method":"tools/call","params":{"NAME":"b"}}',
    '{"method":"prompts/get","params":{"nAme":"b"}}',
  ])("has a name that some origins take for another: %s", (text) => {
    expect(read(text)).toEqual(unreadable(1));
  });

  it.each([
    '{"method":["tools/call"],"params":{"name":"a"}}',
    '{"method":1}',
    '{"method":"tools/call","params":{"name":["a"]}}',
    '{"method":"tools/call","params":{"name":5}}',
    '{"method":"tools/call","params":{"name":true}}',
    '{"method":"prompts/get","params":{"name":{}}}',
    '{"method":"tools/call","params":[]}',
    '{"method":"tools/call","params":["a"]}',
  ])("has something else where text belongs, which some origins make text of: %s", (text) => {
    expect(read(text)).toEqual(unreadable(1));
  });

  it.each([
    '{"method":"ping","methods":1,"amethod":1,"param":1}',
    '{"method":"ping","params":{"Name":"x","Method":"y"}}',
    '{"method":"ping","extra":{"Method":1}}',
    '{"method":"ping","ID":1}',
  ])("is not one whose other names have any case: %s", (text) => {
    expect(read(text)).toEqual(message("ping"));
  });
});

describe("an origin that ignores letter case in names", () => {
  const anyName = fc.constantFrom("method", "params", "name", "Method", "METHOD", "Params", "Name", "x");
  const anyValue = fc.constantFrom<unknown>("tools/call", "prompts/get", "search", " ", 1, null, []);
  const anyObject = fc.dictionary(anyName, fc.oneof(anyValue, fc.dictionary(anyName, anyValue)));

  /** What such an origin reads: the first or the last of all that are named so. */
  const lenient = (value: unknown, name: string, last: boolean): unknown => {
    const members = Object.entries((value ?? {}) as object);
    const named = members.filter(([key]) => key.toLowerCase() === name);
    return named.at(last ? -1 : 0)?.[1];
  };
  const text = (value: unknown) => (typeof value === "string" ? value.trim() || undefined : undefined);

  it("reads the same message, or it is unreadable", () => {
    fc.assert(
      fc.property(anyObject, fc.boolean(), (value, last) => {
        const found = read(JSON.stringify(value));
        if (found.kind !== "message") return;
        const method = text(lenient(value, "method", last));
        const name = text(lenient(lenient(value, "params", last), "name", last));
        expect(found).toEqual({
          kind: "message",
          method,
          tool: method === "tools/call" ? name : undefined,
          prompt: method === "prompts/get" ? name : undefined,
        });
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("the id to answer with", () => {
  const idOf = (id: string) => jsonRpcId(bodyOf(`{"jsonrpc":"2.0","method":"ping","id":${id}}`));

  it.each(['"a"', '""', '" a "', "0", "1", "-7", "1.5", "9007199254740991", "-9007199254740991"])(
    "is that of the call: %s",
    (id) => {
      expect(idOf(id)).toBe(JSON.parse(id));
    },
  );

  it.each([
    "9007199254740992",
    "9007199254740993",
    "-9007199254740992",
    "1e300",
    "1e400",
    "null",
    "true",
    "[1]",
    "{}",
  ])("is not readable in %s", (id) => {
    expect(idOf(id)).toBeUndefined();
  });

  it.each([
    ["no body", ""],
    ["an unreadable body", "{"],
    ["a batch", '[{"jsonrpc":"2.0","method":"ping","id":1}]'],
    ["a notification", '{"jsonrpc":"2.0","method":"ping"}'],
    ["a response", '{"jsonrpc":"2.0","id":1,"result":{}}'],
    ["JSON of another kind", '{"id":1,"name":"an order"}'],
    ["another version", '{"jsonrpc":"1.0","method":"ping","id":1}'],
    ["a text", '"id"'],
    ["null", "null"],
    ["an id that is there twice", '{"jsonrpc":"2.0","method":"ping","id":1,"id":2}'],
  ])("is none for %s", (_, text) => {
    expect(jsonRpcId(bodyOf(text))).toBeUndefined();
  });
});
