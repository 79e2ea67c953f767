import { describe, expect, it } from "vitest";
import { type KeyPart, parseKeyPart } from "../../src/config/key-expression.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import { keyHeaders } from "../../src/key/key-headers.ts";
import { partName, type Reading, readPart } from "../../src/key/key-part.ts";
import { factsOf, type Given, pathOf } from "./fixtures.ts";

function part(text: string): KeyPart {
  const parsed = parseKeyPart(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

const readIn = (text: string, given: Given, params: Record<string, string> = {}): Reading =>
  readPart(part(text), factsOf(given), { path: pathOf(given), params });

/** The value; undefined when it is absent. */
function valueIn(text: string, given: Given, params: Record<string, string> = {}): string | undefined {
  const reading = readIn(text, given, params);
  if (reading.kind === "value") return reading.text;
  expect(reading).toEqual({ kind: "absent" });
  return undefined;
}

const CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"Search"}}';

const withHeader = (name: string, value: string): Given => ({ headers: { [name]: value } });

describe("a key part", () => {
  it.each<[string, Given, string]>([
    ["ip", { address: "192.0.2.7" }, "192.0.2.7"],
    ["header:x-user-id", withHeader("X-User-Id", "Alice"), "Alice"],
    ["HEADER:X-USER-ID", withHeader("x-user-id", "Alice"), "Alice"],
    ["cookie:sid", withHeader("cookie", "a=1; sid=abc; b=2"), "abc"],
    ["cookie:sid", withHeader("cookie", "sid=a%20b"), "a b"],
    ["cookie:sid", withHeader("cookie", 'sid="quoted"'), "quoted"],
    ["cookie:sid", withHeader("cookie", "sid=first; sid=second"), "first"],
    ["query:token", { url: "https://example.com/?a=1&token=T%20x" }, "T x"],
    ["query:token", { url: "https://example.com/?token=first&token=second" }, "first"],
    ["host", { url: "https://API.example.com.:8443/" }, "api.example.com"],
    ["path", { path: "/chat/message" }, "/chat/message"],
    ["method", { method: "POST" }, "POST"],
    ["country", { edge: { country: "SE" } }, "SE"],
    ["asn", { edge: { asn: 13335 } }, "13335"],
    ["colo", { edge: { colo: "ARN" } }, "ARN"],
    ["global", {}, "all"],
    ["user", { claims: { sub: "alice" } }, "alice"],
    ["jwt:sub", { claims: { sub: " alice " } }, "alice"],
    ["jwt:org.id", { claims: { org: { id: 7 } } }, "7"],
    ["jwt:org.id", { claims: { "org.id": "literal", org: { id: "path" } } }, "literal"],
    ["jwt:https://site.example/plan", { claims: { "https://site.example/plan": "pro" } }, "pro"],
    ["jwt:admin", { claims: { admin: false } }, "false"],
    ["mcp:method", { body: CALL }, "tools/call"],
    ["mcp:tool", { body: CALL }, "search"],
    ["mcp:prompt", { body: CALL.replace("tools/call", "prompts/get") }, "search"],
    ["body:/params/name", { body: CALL }, "Search"],
    ["body:/items/1", { body: '{"items":[1,2.5]}' }, "2.5"],
    ["body:/a~1b", { body: '{"a/b":true}' }, "true"],
  ])("%s reads %j as %s", (text, given, value) => {
    expect(valueIn(text, given)).toBe(value);
  });

  it("param reads the parameter of the path, and nothing that every object has", () => {
    expect(valueIn("param:id", {}, { id: "7" })).toBe("7");
    expect(valueIn("param:toString", {}, { id: "7" })).toBeUndefined();
  });

  it.each<[string, Given]>([
    ["header:x-user-id", {}],
    ["header:x-user-id", withHeader("x-user-id", "")],
    ["header:x-user-id", withHeader("x-user-id", " \t ")],
    ["cookie:sid", {}],
    ["cookie:sid", withHeader("cookie", "xsid=1; sid_2=2")],
    ["cookie:sid", withHeader("cookie", "sid=")],
    ["cookie:sid", withHeader("cookie", "sid=%20")],
    ["query:token", {}],
    ["query:token", { url: "https://example.com/?token=" }],
    ["query:token", { url: "https://example.com/?token=%20%09" }],
    ["query:token", { url: "https://example.com/?Token=x" }],
    ["param:id", {}],
    ["country", {}],
    ["asn", {}],
    ["colo", { edge: { colo: "" } }],
    ["user", { claims: {} }],
    ["user", { claims: { sub: "" } }],
    ["user", { claims: { sub: null } }],
    ["user", { claims: { sub: ["a"] } }],
    ["user", { claims: { sub: { name: "a" } } }],
    ["jwt:org.id", { claims: { org: "id" } }],
    ["jwt:org.id", { claims: { org: null } }],
    ["jwt:toString", { claims: {} }],
    ["jwt:sub.length", { claims: { sub: "alice" } }],
    ["mcp:tool", { body: "" }],
    ["mcp:tool", { body: CALL.replace("tools/call", "prompts/get") }],
    ["mcp:prompt", { body: CALL }],
    ["mcp:method", { body: "{}" }],
    ["body:/user", { body: "" }],
    ["body:/user", { body: "{}" }],
    ["body:/user", { body: '{"user":" "}' }],
    ["body:/user", { body: '{"user":{"id":1}}' }],
  ])("%s is absent from %j", (text, given) => {
    expect(valueIn(text, given)).toBeUndefined();
  });

  it.each(["mcp:tool", "mcp:method", "body:/user"])("%s of a broken body is unreadable", (text) => {
    expect(readIn(text, { body: "{" })).toEqual({ kind: "unreadable" });
  });

  it.each(['{"email":"a","Email":"b"}', '{"user":{"ID":1}}', '{"USER":1}'])(
    "of the body is unreadable where an origin may read another: %s",
    (body) => {
      expect(
        readIn("body:/user/id", { body: body.replace(/email/i, "user").replace("Email", "USER") }),
      ).toEqual({
        kind: "unreadable",
      });
    },
  );

  it.each(["Bearer sk-1", "bearer sk-1", "BEARER   sk-1", " Bearer \t sk-1 "])(
    "of the header authorization has one spelling: %j",
    (value) => {
      expect(valueIn("header:authorization", withHeader("authorization", value))).toBe("bearer sk-1");
    },
  );

  it("of another header has the spelling that it was sent in", () => {
    expect(valueIn("header:x-key", withHeader("x-key", "Bearer  sk-1"))).toBe("Bearer  sk-1");
  });

  it("of MCP is unreadable in a batch, one of the body is not", () => {
    expect(readIn("mcp:tool", { body: `[${CALL}]` })).toEqual({ kind: "unreadable" });
    expect(valueIn("body:/0/id", { body: `[${CALL}]` })).toBe("1");
  });

  it.each([
    ["user", "token"],
    ["jwt:plan", "token"],
    ["mcp:tool", "body"],
    ["body:/user", "body"],
  ])("%s is unknown before the %s was looked at", (text, needs) => {
    expect(readIn(text, {})).toEqual({ kind: "unknown", needs });
  });

  it("is trimmed, and keeps its letters and inner space", () => {
    expect(valueIn("query:q", { url: "https://example.com/?q=%20A%20%20b%20" })).toBe("A  b");
  });

  it.each([
    ...["ip", "header:x-user-id", "cookie:Sid", "param:id"],
    ...["jwt:org.id", "mcp:tool", "body:/a~1b"],
  ])("%s is named as it is written", (text) => {
    expect(partName(part(text))).toBe(text);
  });
});

describe("the fields that tell callers apart", () => {
  const fieldsOf = (env: Record<string, unknown>): string[] => {
    const parsed = parseConfig(env);
    if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join("\n"));
    return [...keyHeaders(parsed.config.policies, parsed.config.clientIp)].toSorted();
  };
  const ALWAYS = ["cf-connecting-ip", "cf-worker", "host", "x-forwarded-for"];

  it("are those of the address, whatever the keys are", () => {
    expect(fieldsOf({})).toEqual(ALWAYS);
  });

  it("are also those of the configured address, of keys and of tables", () => {
    const POLICIES = [
      { name: "a", key: "header:X-User | ip + cookie:sid + query:q", limit: "5/m" },
      { name: "b", limit: { by: "header:x-plan", free: "5/m" } },
      { name: "c", limit: "5/m", cost: "header:X-Cost" },
    ];
    const fields = fieldsOf({ POLICIES, CLIENT_IP: "X-Real-IP" });
    expect(fields).toEqual([...ALWAYS, "cookie", "x-cost", "x-plan", "x-real-ip", "x-user"].toSorted());
  });

  it.each([{ key: "user | ip" }, { limit: { by: "jwt:plan", free: "5/m" } }])(
    "are the token's with %j",
    (fields) => {
      const POLICIES = [{ name: "a", limit: "5/m", ...fields }];
      expect(fieldsOf({ POLICIES, JWT_SECRET: "s" })).toContain("authorization");
    },
  );
});
