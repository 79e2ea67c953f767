import { describe, expect, it } from "vitest";
import { createCombinedReader } from "../../dev/weir/log/combined.ts";
import { BOUNDS } from "../../dev/weir/replay/bounds.ts";
import { createReplayer } from "../../dev/weir/replay/replayer.ts";
import { configOf } from "../config/fixtures.ts";
import { useGateway } from "../support/gateway.ts";

const VARS = {
  EXEMPT: ["GET /health"],
  DENY: ["203.0.113.0/24"],
  POLICIES: [
    { name: "site", limit: "12/minute, 100/hour" },
    { name: "chat", match: "POST /chat/:room", key: "ip + param:room", limit: "2/minute" },
    { name: "bucket", match: "/echo", algorithm: "token-bucket", limit: "3/hour", burst: 2 },
    { name: "all", match: "GET /", key: "global", limit: "7/hour" },
  ],
};
const gateway = useGateway(VARS);

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** Requests without any pattern, the same in each run. */
function* requests(count: number) {
  const paths = ["GET /", "POST /chat/a", "POST //Chat/b/", "GET /echo", "GET /health", "HEAD /page?x=1"];
  const addresses = ["198.51.100.1", "198.51.100.2", "2001:db8::1", "2001:db8::2", "203.0.113.9"];
  for (let i = 0, state = 7; i < count; i++) {
    state = (state * 48_271) % 2_147_483_647;
    const [method = "", target = ""] = (paths[state % paths.length] ?? "").split(" ");
    yield { method, target, address: addresses[(state >> 8) % addresses.length] ?? "" };
  }
}

describe("a replay of the log of a running Weir", () => {
  it("refuses exactly what Weir refused", async () => {
    const log: string[] = [];
    const answered: string[] = [];
    for (const { method, target, address } of requests(250)) {
      const at = new Date();
      const { status } = await gateway.send(target, { method, from: address });
      const day = `${at.getUTCDate()}/${MONTHS[at.getUTCMonth()]}/${at.getUTCFullYear()}`;
      const time = `${day}:${at.toISOString().slice(11, 23)} +0000`;
      log.push(`${address} - - [${time}] "${method} ${target} HTTP/1.1" ${status} 1`);
      answered.push(status === 429 ? "refused" : status === 403 ? "denied" : "passed");
    }

    const read = createCombinedReader(false);
    const replayer = createReplayer(configOf(VARS), BOUNDS);
    const replayed: string[] = [];
    for (const line of log) {
      const entry = read(line);
      if (typeof entry === "string") throw new Error(entry);
      const verdict = await replayer.take(entry);
      replayed.push(["refused", "denied"].includes(verdict) ? verdict : "passed");
    }
    expect(replayed).toEqual(answered);
    expect(new Set(answered)).toEqual(new Set(["refused", "denied", "passed"]));
    expect(replayer.tallies.policies.every(({ refused }) => refused > 0)).toBe(true);
  });
});
