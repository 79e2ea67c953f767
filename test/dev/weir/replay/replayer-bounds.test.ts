import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../../dev/weir/log/entry.ts";
import { BOUNDS, type Bounds } from "../../../../dev/weir/replay/bounds.ts";
import { createReplayer } from "../../../../dev/weir/replay/replayer.ts";
import type { Config } from "../../../../src/config/config.ts";
import { trieRouter } from "../../../../src/http/trie-router.ts";
import { createCharges } from "../../../../src/key/charges.ts";
import { clientAddress } from "../../../../src/key/client-address.ts";
import type { KeyRecord } from "../../../../src/limit/key-record.ts";
import { takeAll } from "../../../../src/limit/take.ts";
import { createMatcher } from "../../../../src/policy/match.ts";
import { configOf } from "../../../config/fixtures.ts";

const START_MS = 1_790_000_000_000;
/** So little is remembered that it is made anew again and again. */
const TIGHT: Bounds = { ...BOUNDS, callers: 1, paths: 1 };

const config = configOf({
  DENY: ["198.51.100.7"],
  POLICIES: [
    { name: "a", match: ["/users/:id", "GET /chat"], key: "ip + param:id", limit: "2/minute, 5/hour" },
    { name: "b", key: "query:q | header:x-user | ip", limit: "3/10s", algorithm: "token-bucket" },
    {
      name: "c",
      match: "POST www.example.com/*",
      key: "host",
      limit: "1/minute",
      lockout: "2m after 3 in 1m",
    },
    { name: "d", match: "/chat", on: "connection", key: "ip", limit: "1/minute", algorithm: "fixed-window" },
  ],
});

const entries = fc.array(
  fc.record({
    pauseMs: fc.constantFrom(0, 1, 900, 15_000),
    method: fc.constantFrom("GET", "POST"),
    host: fc.constantFrom("", "example.com", "www.example.com"),
    target: fc.constantFrom("/users/1", "/Users//1", "/users/2?q=1", "/chat", "/chat?q=2", "/"),
    address: fc.constantFrom("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "198.51.100.7", "none"),
    status: fc.constantFrom(200, 101),
    user: fc.option(fc.constantFrom("ann", "bob"), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 60 },
);

/** By the limiter's own code, with nothing remembered in between. */
async function plainly(
  { policies, exempt, ipv6Prefix, deny }: Config,
  entry: Entry,
  records: Map<string, KeyRecord>,
) {
  if (deny.length > 0 && entry.address === "198.51.100.7") return "denied";
  const [path = ""] = entry.target.split("?");
  const paths = [path.toLowerCase().replaceAll("//", "/")];
  const { method, host, target, values } = entry;
  const line = { method, host, sentPath: path, paths, isPreflight: false };
  const opens = entry.status === 101 && method === "GET";
  const matched = createMatcher(policies, exempt, trieRouter)
    .match(line)
    .filter(({ policy }) => policy.on === "request" || opens);
  const user = values?.get("header:x-user");
  const { known } = await createCharges(async (text) => text)(matched)({
    method,
    url: new URL(`http://${host || "host.invalid"}${target}`),
    headers: new Headers(user === undefined ? {} : { "x-user": user }),
    address: clientAddress(entry.address, ipv6Prefix),
    edge: {},
    claims: {},
    body: { json: { kind: "absent" }, message: { kind: "absent" } },
  });
  if (known.length === 0) return "unlimited";
  const charges = known.map(({ charge }) => charge);
  const { admitted, changed } = takeAll(records, charges, entry.timeMs);
  for (const [key, record] of changed) records.set(key, record);
  return admitted ? "admitted" : "refused";
}

describe("a replay that remembers hardly anything", () => {
  it("decides each request as the limiter does", async () => {
    await fc.assert(
      fc.asyncProperty(entries, async (written) => {
        const [tight, roomy] = [createReplayer(config, TIGHT), createReplayer(config, BOUNDS)];
        const records = new Map<string, KeyRecord>();
        let timeMs = START_MS;
        for (const { pauseMs, user, ...fields } of written) {
          timeMs += pauseMs;
          const values = user === undefined ? {} : { values: new Map([["header:x-user", user]]) };
          const entry: Entry = { ...fields, ...values, timeMs };
          const expected = await plainly(config, entry, records);
          expect([await tight.take(entry), await roomy.take(entry)]).toEqual([expected, expected]);
        }
      }),
      { numRuns: 100 },
    );
  });
});
