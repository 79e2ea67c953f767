import { expect, it } from "vitest";
import { fingerprintOf } from "../../src/config/fingerprint.ts";
import { configOf, envWith } from "./fixtures.ts";

const fingerprint = (env: Readonly<Record<string, unknown>>) => fingerprintOf(configOf(env));

it("a configuration's fingerprint is 8 digits, the same each time", () => {
  expect(fingerprint({})).toMatch(/^[0-9a-f]{8}$/);
  expect(fingerprint(envWith({}))).toBe(fingerprint(envWith({})));
});

const table = { by: "header:x-plan", free: "5/minute" };

it.each([
  ["a limit", envWith({}), envWith({ limit: "6/minute" })],
  ["the row of a table", envWith({ limit: table }), envWith({ limit: { ...table, free: "6/minute" } })],
  ["a mode", envWith({}), envWith({ mode: "shadow" })],
  ["a pattern", envWith({ match: "/a" }), envWith({ match: "/b" })],
  ["a network", { DENY: ["192.0.2.1"] }, { DENY: ["192.0.2.2"] }],
  ["a header family", { HEADERS: "ratelimit" }, { HEADERS: "x-ratelimit" }],
])("%s changes a configuration's fingerprint", (_, one, other) => {
  expect(fingerprint(one)).not.toBe(fingerprint(other));
});

it("a secret does not change a configuration's fingerprint", () => {
  const env = (secret: string) => ({
    KEY_SECRET: secret.repeat(32),
    JWT_SECRET: secret.repeat(32),
    STORE: "upstash",
    UPSTASH_REDIS_REST_URL: "https://redis.example",
    UPSTASH_REDIS_REST_TOKEN: secret,
    ADMIN_TOKEN: secret.repeat(32),
  });
  expect(fingerprint(env("a"))).toBe(fingerprint(env("b")));
});
