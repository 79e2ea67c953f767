import { describe, expect, it } from "vitest";
import { stripKeyLocking } from "../../../dev/upstash/script-flags.ts";

describe("stripKeyLocking", () => {
  it.each([
    ["the only flag, with its whole line", "#!lua flags=allow-key-locking\nreturn 1", "\nreturn 1"],
    [
      "one of two flags",
      "#!lua flags=no-writes,allow-key-locking\nreturn 1",
      "#!lua flags=no-writes\nreturn 1",
    ],
    ["one of three", "#!lua flags=a,allow-key-locking,b\nreturn 1", "#!lua flags=a,b\nreturn 1"],
    ["one word of two", "#!lua flags=allow-key-locking flags=no-writes\nx", "#!lua flags=no-writes\nx"],
    ["before a Windows line end", "#!lua flags=allow-key-locking\r\nreturn 1", "\nreturn 1"],
  ])("takes out %s", (_name, script, stripped) => {
    expect(stripKeyLocking(script)).toBe(stripped);
  });

  it.each([
    ["a script without a first line of flags", "return 1"],
    ["other flags", "#!lua flags=no-writes\nreturn 1"],
    ["no flags", "#!lua\nreturn 1"],
    ["an empty list of flags", "#!lua flags=\nreturn 1"],
    ["a flag with a longer name", "#!lua flags=allow-key-locking-not\nreturn 1"],
    ["the flag further down", "return 1\n#!lua flags=allow-key-locking\n"],
    ["nothing but the first line, which Redis refuses", "#!lua flags=allow-key-locking"],
  ])("leaves %s as it is", (_name, script) => {
    expect(stripKeyLocking(script)).toBe(script);
  });
});
