import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { targetOf } from "../../src/admin/target.ts";
import type { Problem } from "../../src/config/problem.ts";
import { createDigest } from "../../src/key/digest.ts";
import { configOf } from "../config/fixtures.ts";
import { chargesOf, type Given } from "../key/fixtures.ts";

type Request = Given & { readonly params?: Readonly<Record<string, string>> };

const policyWith = (key: string) => ({ name: "p", match: "/:id/*", limit: "5/minute", key });

/** What an operator's key comes to under a policy with this key expression. */
async function given(key: string, written: unknown, prefix = 64) {
  const [policy] = configOf({ POLICIES: [policyWith(key)], JWT_SECRET: "secret" }).policies;
  if (!policy) throw new Error("expected a policy");
  const problems: Problem[] = [];
  const digest = createDigest("secret");
  const target = await targetOf(policy, { key: written }, { ipv6Prefix: prefix, digest }, (path, message) => {
    problems.push({ path, message });
  });
  return { digest: target?.key, problems: problems.map(({ path, message }) => `${path}: ${message}`) };
}

async function requested(key: string, request: Request, prefix = 64): Promise<string | undefined> {
  const [charge] = await chargesOf([policyWith(key)], request, { secret: "secret", prefix });
  return charge?.charge.key;
}

const toolCall = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: " Search " },
});
const promptGet = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "prompts/get", params: { name: "Greet" } });

const SAME: [string, unknown, Request][] = [
  ["ip", { ip: "203.0.113.7" }, { address: "203.0.113.7" }],
  ["ip", { IP: " ::ffff:203.0.113.7 " }, { address: "203.0.113.7" }],
  ["ip", { ip: "2001:db8::1" }, { address: "2001:DB8:0:0:9::1" }],
  ["ip", { ip: "2001:db8::/64" }, { address: "2001:db8::1" }],
  ["ip", { ip: "unknown" }, { address: undefined }],
  [
    "ip",
    { ip: "worker Example.com" },
    { address: "2a06:98c0:3600::103", headers: { "CF-Worker": "example.com" } },
  ],
  ["header:X-User-Id", { "header:x-user-id": " alice " }, { headers: { "x-user-id": "alice" } }],
  ["header:x-user-id", { "Header:X-USER-ID": "Alice" }, { headers: { "x-user-id": "Alice" } }],
  ["header:x-count", { "header:x-count": 7 }, { headers: { "x-count": "7" } }],
  [
    "header:authorization",
    { "header:authorization": "Basic  abc" },
    { headers: { Authorization: "basic abc" } },
  ],
  ["cookie:session", { "cookie:session": "a b" }, { headers: { Cookie: "x=1; session=a%20b" } }],
  ["query:key", { "query:key": "a b" }, { url: "https://example.com/?key=a+b" }],
  ["param:id", { "param:id": "Alice" }, { params: { id: "alice" } }],
  ["host", { host: "EXAMPLE.com.:8443" }, { url: "https://example.com/" }],
  ["path", { path: "/Chat//Message/" }, { path: "/chat/message" }],
  ["method", { method: "post" }, { method: "POST" }],
  ["country", { country: "de" }, { edge: { country: "DE" } }],
  ["colo", { colo: "fra" }, { edge: { colo: "FRA" } }],
  ["asn", { asn: "AS13335" }, { edge: { asn: 13_335 } }],
  ["asn", { asn: 13_335 }, { edge: { asn: 13_335 } }],
  ["user", { user: "alice" }, { claims: { sub: "alice" } }],
  ["user", { "jwt:sub": "alice" }, { claims: { sub: "alice" } }],
  ["jwt:org.id", { "jwt:org.id": 42 }, { claims: { org: { id: 42 } } }],
  ["jwt:admin", { "jwt:admin": true }, { claims: { admin: true } }],
  ["mcp:tool", { "mcp:tool": "SEARCH" }, { body: toolCall }],
  ["mcp:prompt", { "mcp:prompt": " greet" }, { body: promptGet }],
  ["mcp:method", { "mcp:method": "tools/call" }, { body: toolCall }],
  ["mcp:method", { "mcp:method": "Ping" }, { body: toolCall.replace("tools/call", "Ping") }],
  ["body:/user/id", { "body:/user/id": "alice" }, { body: '{"user":{"id":"alice"}}' }],
  ["global", { global: "" }, {}],
  ["global", {}, {}],
  ["header:a | ip", { ip: "203.0.113.7" }, { address: "203.0.113.7" }],
  ["header:a | ip", { ip: "203.0.113.7", "header:a": "x" }, { headers: { a: "x" } }],
  ["header:a | ip", { ip: "203.0.113.7", "header:a": " " }, { address: "203.0.113.7" }],
  ["header:a", {}, {}],
  ["header:a", { "header:a": "" }, {}],
  ["header:a + header:b | header:c", { "header:c": "x" }, { headers: { c: "x" } }],
  ["mcp:tool + ip", { ip: "203.0.113.7", "mcp:tool": "search" }, { address: "203.0.113.7", body: toolCall }],
];

describe("an operator's key", () => {
  it.each(SAME)("for %s, %j, is that of a request with it", async (key, written, request) => {
    const digest = await requested(key, request);
    expect(digest).toMatch(/^[\w-]{22}$/);
    expect(await given(key, written)).toEqual({ digest, problems: [] });
  });

  it("is that of a request with any value", async () => {
    const ascii = fc.string({ unit: fc.constantFrom(...` !"#$%&'()*+,-./09:;<=>?@AZ[]^_az{|}~`) });
    const call = (name: string) => JSON.stringify({ jsonrpc: "2.0", method: "tools/call", params: { name } });
    const of: Readonly<Record<string, (text: string) => Request>> = {
      "cookie:c": (text) => ({ headers: { Cookie: `a=1; c=${encodeURIComponent(text)}` } }),
      "query:q": (text) => ({ url: `https://example.com/?q=${encodeURIComponent(text)}` }),
      user: (text) => ({ claims: { sub: text } }),
      "body:/u": (text) => ({ body: JSON.stringify({ u: text }) }),
      "mcp:tool": (text) => ({ body: call(text) }),
    };
    const any = fc.tuple(fc.constantFrom(...Object.keys(of)), fc.string({ unit: "grapheme" }));
    const header = fc.tuple(fc.constantFrom("header:h", "header:authorization"), ascii);
    const property = fc.asyncProperty(fc.oneof(any, header), async ([key, text]) => {
      const request = of[key]?.(text) ?? { headers: { [key.slice("header:".length)]: text } };
      const digest = await requested(key, request);
      // A message without a tool is none of such a policy's.
      expect(await given(key, { [key]: text })).toMatchObject({ digest });
    });
    await fc.assert(property);
  });

  it("is cut to the configured prefix", async () => {
    const request = { address: "2001:db8:1:2::1" };
    expect((await given("ip", { ip: "2001:db8:1:ffff::" }, 48)).digest).toBe(
      await requested("ip", request, 48),
    );
  });

  it.each([
    ["ip", {}, /^key: is nobody's; the policy only applies to requests with ip$/],
    ["header:a | ip", {}, /^key: is nobody's; the policy only applies to requests with header:a or ip$/],
    ["header:a | none", {}, /^key: is nobody's/],
    ["mcp:tool | ip", { ip: "192.0.2.1" }, /^key: is nobody's/],
    ["ip", { ip: "alice" }, /^key.ip: is not what "ip" can be$/],
    ["ip", { ip: "10.0.0.0/8" }, /^key.ip: is not what "ip" can be$/],
    ["ip", { ip: "203.0.113.0/64" }, /^key.ip: is not what "ip" can be$/],
    ["path", { path: "alice" }, /^key.path: is not what "path" can be$/],
    ["header:a", { "header:b": "alice" }, /^key.header:b: is not in the policy's key; its parts: header:a$/],
    ["ip", { alice: "ip", ip: "192.0.2.1" }, /^key: has a name that is no key part$/],
    ["header:a", { "headr:a": "alice" }, /^key: has a name that is no key part; did you mean "header"\?$/],
    ["header:a", { "header:a": ["alice"] }, /^key.header:a: must be text, a number, true or false$/],
    ["header:a", { "header:a": "alice", "Header:A": "alice" }, /^key.header:a: is given twice$/],
    ["header:a", "alice", /^key: must be an object; write it like/],
  ])("for %s, %j, is refused without repeating it", async (key, written, problem) => {
    const { digest, problems } = await given(key, written);
    expect(digest).toBeUndefined();
    expect(problems).toEqual([expect.stringMatching(problem)]);
    expect(problems.join("\n")).not.toContain("alice");
  });
});
