import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCombinedReader } from "../../../../dev/weir/log/combined.ts";

const read = createCombinedReader(true);
const TIME = "10/Oct/2026:13:55:36 -0700";
const TIME_MS = Date.UTC(2026, 9, 10, 20, 55, 36);
const REQUEST = `"GET /a/b?c=d HTTP/1.1"`;

const ENTRY = {
  timeMs: TIME_MS,
  method: "GET",
  target: "/a/b?c=d",
  address: "192.0.2.7",
  host: "",
  status: 200,
  values: undefined,
};

describe("a line in combined format", () => {
  it.each<[string, string, object]>([
    ["common", `192.0.2.7 - - [${TIME}] ${REQUEST} 200 2326`, {}],
    ["without a size", `192.0.2.7 - - [${TIME}] ${REQUEST} 200 -`, {}],
    ["without a protocol", `192.0.2.7 - - [${TIME}] "GET /a/b?c=d" 200 1`, {}],
    ["without a status", `192.0.2.7 - - [${TIME}] ${REQUEST}`, { status: 0 }],
    ["IPv6", `2001:db8::7 - - [${TIME}] ${REQUEST} 200 1`, { address: "2001:db8::7" }],
    ["a user with spaces", `192.0.2.7 - Ann Lee [${TIME}] ${REQUEST} 200 1`, {}],
    [
      "a virtual host",
      `www.Example.com 192.0.2.7 - - [${TIME}] ${REQUEST} 200 1`,
      { host: "www.example.com" },
    ],
    [
      "a virtual host with port",
      `example.com:443 192.0.2.7 - - [${TIME}] ${REQUEST} 200 1`,
      { host: "example.com:443" },
    ],
    [
      "a looked up name",
      `client.example.com - - [${TIME}] ${REQUEST} 200 1`,
      { address: "client.example.com" },
    ],
    [
      "a whole URL",
      `192.0.2.7 - - [${TIME}] "GET http://Example.com/a HTTP/1.1" 200 1`,
      { target: "/a", host: "example.com" },
    ],
    ["a small letter method", `192.0.2.7 - - [${TIME}] "get /a/b?c=d HTTP/1.1" 200 1`, {}],
    [
      "quotes in the path",
      String.raw`192.0.2.7 - - [${TIME}] "GET /a\"b HTTP/1.1" 404 1`,
      { target: String.raw`/a\"b`, status: 404 },
    ],
    ["spaces in the path", `192.0.2.7 - - [${TIME}] "GET /a b HTTP/1.1" 200 1`, { target: "/a b" }],
  ])("is read: %s", (_, line, fields) => {
    expect(read(line)).toEqual({ ...ENTRY, ...fields });
  });

  it("has referer and user agent, where they are wanted", () => {
    const line = String.raw`192.0.2.7 - - [${TIME}] ${REQUEST} 200 1 "https://example.com/" "an \"agent\""`;
    expect(read(line)).toMatchObject({
      values: new Map([
        ["header:referer", "https://example.com/"],
        ["header:user-agent", String.raw`an \"agent\"`],
      ]),
    });
    expect(createCombinedReader(false)(line)).toMatchObject({ values: undefined });
    expect(read(`192.0.2.7 - - [${TIME}] ${REQUEST} 200 1 "-" "curl"`)).toMatchObject({
      values: new Map([["header:user-agent", "curl"]]),
    });
  });

  it.each([
    ["", "no time in brackets"],
    ["some words", "no time in brackets"],
    [`192.0.2.7 - - [${TIME}] - 408 0`, "no request in quotes"],
    [`192.0.2.7 - - [${TIME}] "-" 408 0`, "no request line"],
    [`192.0.2.7 - - [${TIME}] "GET /a HTTP/1.1`, "no request in quotes"],
    [`192.0.2.7 - - [yesterday] ${REQUEST} 200 1`, "no time that can be read"],
    [String.raw`192.0.2.7 - - [${TIME}] "\x16\x03\x01 \x00" 400 1`, "no method"],
    [`192.0.2.7 - - [${TIME}] "OPTIONS * HTTP/1.1" 200 1`, "no path"],
    [`- - - [${TIME}] ${REQUEST} 200 1`, "no address"],
  ])("is broken: %s", (line, reason) => {
    expect(read(line)).toBe(reason);
  });

  it("never makes the reader fail, whatever it is", () => {
    const line = `192.0.2.7 - - [${TIME}] ${REQUEST} 200 2326 "-" "agent"`;
    const damaged = fc
      .tuple(fc.nat(line.length), fc.nat(10), fc.string({ unit: "binary", maxLength: 5 }))
      .map(([at, length, text]) => line.slice(0, at) + text + line.slice(at + length));
    const pieces = fc.array(
      fc.constantFrom(" ", "[", "]", '"', "\\", "GET", "/", TIME, "1.2.3.4", "::1", "200"),
    );
    const lines = fc.oneof(
      fc.string({ unit: "binary" }),
      damaged,
      pieces.map((list) => list.join("")),
    );
    fc.assert(
      fc.property(lines, (text) => {
        const entry = read(text);
        if (typeof entry === "string") return;
        expect(entry.timeMs).toSatisfy(Number.isFinite);
        expect(entry.target).toMatch(/^\//);
      }),
      { numRuns: 5_000 },
    );
  });
});
