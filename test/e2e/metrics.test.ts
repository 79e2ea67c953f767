import { describe, expect, it } from "vitest";
import { newAddress, useGateway } from "../support/gateway.ts";
import { LONG_TIMEOUT } from "../support/ladder.ts";
import { type Counted, untilMetrics } from "../support/metrics-reader.ts";
import { connect } from "../support/socket-client.ts";

const POLICIES = [
  { name: "five", match: "/five", limit: "5/minute" },
  { name: "would-be", match: "/five", key: "header:x-user", limit: "2/minute", mode: "shadow" },
  { name: "alone", match: "/alone", limit: "1/minute" },
  { name: "sockets", match: "/socket", on: "connection", limit: "1 concurrent" },
  { name: "messages", match: "/socket", on: "message", limit: "3/minute", strikes: 10 },
];

describe("metrics", () => {
  const gateway = useGateway({ STORE_TIMEOUT: LONG_TIMEOUT, POLICIES, EXEMPT: ["/free"] });
  const user = "user-who-must-not-be-named";

  it("of requests arrive with what became of them, and no key value does", async () => {
    const from = newAddress();
    const send = () => gateway.send("/five", { from, headers: { "X-User": user } });
    const statuses = [];
    for (let i = 0; i < 7; i++) statuses.push((await send()).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429]);
    await gateway.send("/free");
    const isThere = ({ counts }: Counted) =>
      counts["answers refused"] === 2 && counts["answers unlimited"] === 1;
    const { counts, keys } = await untilMetrics(gateway.weir, isThere);
    expect(counts).toMatchObject({
      "requests five allowed": 5,
      "requests five refused": 2,
      // The fourth uses 80 %, the fifth all.
      "near_limit five": 2,
      "requests would-be allowed": 2,
      "answers allowed": 5,
      "answers refused": 2,
      "answers unlimited": 1,
      "hits http": 2,
    });
    expect(counts["requests would-be shadow_refused"]).toBeGreaterThanOrEqual(3);
    expect(counts.store_seconds_count).toBeGreaterThanOrEqual(6);
    expect(keys.length).toBeGreaterThan(0);
    expect(keys.every((key) => /^[\w-]{22}$/.test(key))).toBe(true);
    expect(JSON.stringify({ counts, keys })).not.toContain(user);
    expect(JSON.stringify({ counts, keys })).not.toContain(from);
  });

  it("tell what was refused without asking the store", async () => {
    const from = newAddress();
    const before = (await gateway.weir.readMetrics()).counts["edge_decisions refusal"] ?? 0;
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await gateway.send("/alone", { from })).status);
    expect(statuses).toEqual([200, 429, 429, 429]);
    const isThere = ({ counts }: Counted) => counts["requests alone refused"] === 3;
    const { counts } = await untilMetrics(gateway.weir, isThere);
    expect(counts["requests alone refused"]).toBe(3);
    expect(counts["edge_decisions refusal"]).toBe(before + 2);
  });

  it("of sockets tell how many are open, and what became of their messages", async () => {
    const headers = { "CF-Connecting-IP": newAddress() };
    const { socket } = await connect(`${gateway.weir.url}/socket`, { headers });
    if (!socket) throw new Error("the socket was refused");
    expect((await connect(`${gateway.weir.url}/socket`, { headers })).refused?.status).toBe(429);
    for (let i = 0; i < 5; i++) socket.send(`message ${i}`);
    await socket.receive(5);
    const opened = await untilMetrics(gateway.weir, ({ counts }) => counts["hits ws_message"] === 2);
    expect(opened.sockets).toBe(1);
    expect(opened.counts).toMatchObject({
      "requests sockets allowed": 1,
      "requests sockets refused": 1,
      "hits ws_connection": 1,
      "requests messages allowed": 3,
      "requests messages refused": 2,
      "hits ws_message": 2,
    });
    await socket.close();
    const closed = await untilMetrics(gateway.weir, ({ sockets }) => sockets === 0);
    expect(closed.sockets).toBe(0);
  });

  it("begin with a line in the log that names the configuration, and no secret", async () => {
    const lines = gateway.weir
      .output()
      .split("\n")
      .flatMap((line) => {
        const json = /\{"source":"weir".*\}/.exec(line)?.[0];
        return json ? [JSON.parse(json) as Record<string, unknown>] : [];
      });
    expect(lines[0]).toEqual({
      source: "weir",
      event: "start",
      fingerprint: expect.stringMatching(/^[0-9a-f]{8}$/),
      store: expect.stringMatching(/durable-object|upstash/),
      mode: "enforce",
      policies: 5,
    });
    const refused = lines.filter(({ event }) => event === "refused");
    expect(refused[0]).toMatchObject({ policy: "five", quota: "five" });
    expect(gateway.weir.output()).not.toContain(user);
  });
});
