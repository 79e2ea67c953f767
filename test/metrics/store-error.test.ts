import { expect, it } from "vitest";
import { storeErrorReason } from "../../src/metrics/store-error.ts";

it.each([
  ["timeout", "timeout"],
  ["timeout", "no answer within 1000 ms"],
  ["timeout", "Durable Object storage operation exceeded timeout which caused object to be reset."],
  ["overloaded", "overloaded"],
  ["overloaded", "Durable Object is overloaded. Too many requests queued."],
  ["overloaded", "ERR max requests limit exceeded. Limit: 10000, Usage: 10001."],
  ["overloaded", "ERR max daily request limit exceeded. Limit: 10000, Usage: 10000."],
  ["overloaded", "status 429"],
  ["denied", "WRONGPASS invalid or missing auth token"],
  ["denied", "NOPERM this user has no permissions to run the 'evalsha' command"],
  ["denied", "status 401"],
  ["protocol", "the store's answer makes no sense"],
  ["protocol", "unexpected reply of the script"],
  ["protocol", `Unexpected token '<', "<!doctype "... is not valid JSON`],
  ["protocol", "ERR Error running script: user_script:1: bad"],
  ["unavailable", "Network connection lost."],
  ["unavailable", "fetch failed"],
  ["unavailable", "Durable Object reset because its code was updated."],
  ["unavailable", "internal error; reference = abc123"],
  ["unavailable", "status 503"],
  ["other", "the moon is full"],
  ["other", ""],
])("is %s for: %s", (reason, message) => {
  expect(storeErrorReason(message)).toBe(reason);
});
