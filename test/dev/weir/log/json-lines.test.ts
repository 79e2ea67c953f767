import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fieldPaths } from "../../../../dev/weir/log/json-fields.ts";
import { createJsonReader } from "../../../../dev/weir/log/json-lines.ts";
import { UsageError } from "../../../../dev/weir/usage-error.ts";

const TIME_MS = Date.UTC(2026, 9, 10, 20, 55, 36);

/** Reads one line; `fields` as on the command line, `parts` are those of the configuration. */
function read(line: unknown, fields: readonly string[] = [], parts: readonly string[] = []) {
  return createJsonReader(fieldPaths(fields, parts))(typeof line === "string" ? line : JSON.stringify(line));
}

const PLAIN = { time: "2026-10-10T20:55:36Z", ip: "192.0.2.7", method: "GET", path: "/a?b=c", status: 200 };
const ENTRY = { timeMs: TIME_MS, method: "GET", target: "/a?b=c", address: "192.0.2.7", status: 200 };

const SERVERS: readonly [string, object][] = [
  ["plain names", PLAIN],
  [
    "nginx",
    {
      time_iso8601: "2026-10-10T13:55:36-07:00",
      remote_addr: "192.0.2.7",
      request: "GET /a?b=c HTTP/1.1",
      status: "200",
    },
  ],
  [
    "Caddy",
    {
      ts: 1791665736,
      request: { remote_ip: "10.0.0.1", client_ip: "192.0.2.7", method: "GET", uri: "/a?b=c", host: "h" },
      status: 200,
    },
  ],
  [
    "Traefik",
    {
      StartUTC: "2026-10-10T20:55:36.000000001Z",
      ClientHost: "192.0.2.7",
      RequestMethod: "GET",
      RequestPath: "/a?b=c",
      DownstreamStatus: 200,
    },
  ],
  [
    "Elastic Common Schema",
    {
      "@timestamp": "2026-10-10T20:55:36.000Z",
      "client.ip": "192.0.2.7",
      method: "GET",
      url: "https://h/a?b=c",
      status: 200,
    },
  ],
];

const LOGPUSH = {
  ClientIP: "192.0.2.7",
  ClientRequestHost: "www.example.com",
  ClientRequestMethod: "GET",
  ClientRequestURI: "/a?b=c",
  ClientRequestPath: "/a",
  EdgeResponseStatus: 200,
};

describe("a JSON line", () => {
  it.each(SERVERS)("is read: %s", (_, line) => {
    expect(read(line)).toMatchObject(ENTRY);
  });

  it.each([
    ["rfc3339", `"2026-10-10T20:55:36Z"`],
    ["unix", "1791665736"],
    ["unixnano", "1791665736000000000"],
  ])("of Logpush is read with times as %s", (_, time) => {
    const line = JSON.stringify(LOGPUSH).replace("}", `,"EdgeStartTimestamp":${time}}`);
    expect(read(line)).toMatchObject({ ...ENTRY, host: "www.example.com" });
  });

  it("of Logpush has what the edge and custom fields tell", () => {
    const line = {
      ...LOGPUSH,
      EdgeStartTimestamp: 1791665736,
      ClientCountry: "de",
      ClientASN: 64500,
      RequestHeaders: { "x-user-id": "ann" },
      Cookies: { session: "s" },
    };
    const parts = ["country", "asn", "header:x-user-id", "cookie:session"];
    expect(read(line, [], parts)).toMatchObject({
      values: new Map([
        ["country", "DE"],
        ["asn", "64500"],
        ["header:x-user-id", "ann"],
        ["cookie:session", "s"],
      ]),
    });
  });

  it.each([
    ["seconds", 1791665736.25, TIME_MS + 250],
    ["seconds as text", "1791665736.250", TIME_MS + 250],
    ["milliseconds", 1791665736250, TIME_MS + 250],
    ["microseconds", 1791665736250000, TIME_MS + 250],
    ["the combined format", "10/Oct/2026:13:55:36 -0700", TIME_MS],
    ["a space for the T", "2026-10-10 20:55:36", TIME_MS],
    ["a comma and an offset", "2026-10-10 22:55:36,250 +0200", TIME_MS + 250],
  ])("has its time as %s", (_, time, timeMs) => {
    expect(read({ ...PLAIN, time })).toMatchObject({ timeMs });
  });

  it("has fields where the command line says, and nowhere else", () => {
    const line = { ...PLAIN, caller: { address: "198.51.100.1", claims: { sub: "ann" } } };
    expect(read(line, ["ip=caller.address"])).toMatchObject({ address: "198.51.100.1" });
    expect(read(line, ["user=caller.claims.sub"])).toMatchObject({ values: new Map([["jwt:sub", "ann"]]) });
    expect(read(line, ["ip=caller.nothing"])).toBe("no address");
  });

  it.each(["ip", "=x", "ip=", "colour=x", "body:/a=x", "query:a=x"])("cannot be told %s", (field) => {
    expect(() => fieldPaths([field], [])).toThrow(UsageError);
  });

  it.each<[unknown, string]>([
    ["{", "not a JSON object"],
    ["[]", "not a JSON object"],
    [{ ...PLAIN, time: undefined }, "no time that can be read"],
    [{ ...PLAIN, time: "soon" }, "no time that can be read"],
    [{ ...PLAIN, time: -5 }, "no time that can be read"],
    [{ ...PLAIN, method: {} }, "no method"],
    [{ ...PLAIN, path: "a" }, "no path"],
    [{ ...PLAIN, ip: null }, "no address"],
  ])("is broken: %j", (line, reason) => {
    expect(read(line)).toBe(reason);
  });

  it("never makes the reader fail, whatever it is", () => {
    const values = fc.jsonValue();
    const objects = fc.record(
      {
        time: values,
        ip: values,
        method: values,
        path: values,
        status: values,
        request: values,
        headers: values,
      },
      { requiredKeys: [] },
    );
    const readLine = createJsonReader(fieldPaths([], ["header:x", "cookie:y", "country"]));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          values.map((value) => JSON.stringify(value)),
          objects.map((object) => JSON.stringify({ ...PLAIN, ...object })),
        ),
        (text) => {
          const entry = readLine(text);
          if (typeof entry === "string") return;
          expect(entry.timeMs).toSatisfy(Number.isFinite);
          expect(entry.target).toMatch(/^\//);
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
