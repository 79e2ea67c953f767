import { describe, expect, it } from "vitest";
import { createUpstashStore } from "../../src/store/upstash.ts";
import { describeAdministration } from "../store/administration-contract.ts";
import { charge, describeStore, plain, quota, START_MS } from "../store/contract.ts";
import { plainAdministration } from "../store/fixtures.ts";
import { LUA } from "../support/lua.ts";

// Against a real database: `npm run test:upstash`, never part of `npm test`. Everything it writes expires by itself.
const url = process.env.UPSTASH_REDIS_REST_URL;
const token = process.env.UPSTASH_REDIS_REST_TOKEN;
if (!url || !token)
  throw new Error("set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN to the database to test");

const run = crypto.randomUUID();
let opened = 0;

function open(clock: "own" | "server" = "own") {
  let nowMs = START_MS;
  const namespace = `weir-test-${run}-${opened++}`;
  const options = { url: url ?? "", token: token ?? "", namespace, lua: LUA, onCorrupt: () => {} };
  const store = createUpstashStore({ ...options, ...(clock === "own" && { now: () => nowMs }) });
  const setTime = (ms: number) => {
    nowMs = ms;
  };
  return { store: plain(store), administration: plainAdministration(store), setTime, namespace };
}

async function command(...words: (string | number)[]): Promise<unknown> {
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(url ?? "", { method: "POST", headers, body: JSON.stringify(words) });
  return ((await response.json()) as { result: unknown }).result;
}

describeStore("a real Upstash database", () => open());
describeAdministration("a real Upstash database", () => open());

describe("a real Upstash database", () => {
  const ten = charge({ quota: quota(10, 60_000) });

  it("has a clock that scripts can read and that is about right", async () => {
    const { decisions } = await open("server").store.take([ten]);
    expect(Math.abs((decisions[0]?.nowMs ?? 0) - Date.now())).toBeLessThan(30_000);
  });

  it("gives every key an expiry", async () => {
    const { store, namespace } = open("server");
    await store.take([ten]);
    const ttlMs = Number(await command("PTTL", `${namespace}:alice`));
    expect(ttlMs).toBeGreaterThan(0);
    expect(ttlMs).toBeLessThanOrEqual(60_000);
  });

  it("goes on after it has forgotten the script", async () => {
    const { store } = open("server");
    await store.take([ten]);
    await command("SCRIPT", "FLUSH");
    expect((await store.take([ten])).decisions[0]?.remaining).toBe(8);
  });
});
