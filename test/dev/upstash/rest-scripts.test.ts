import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { post, run, useLocalUpstash } from "./local-upstash.ts";

const upstash = useLocalUpstash();
const FLAGGED = "#!lua flags=allow-key-locking\nreturn redis.call('INCR', KEYS[1])";
const STRIPPED = "\nreturn redis.call('INCR', KEYS[1])";
const NOSCRIPT = { error: "NOSCRIPT No matching script. Please use EVAL." };

describe("a script with allow-key-locking", () => {
  it("runs by EVAL, and then by the digest of what was sent", async () => {
    expect(await run(upstash(), "EVAL", FLAGGED, 1, "key")).toEqual({ result: 1 });
    expect(await run(upstash(), "EVALSHA", sha1(FLAGGED), 1, "key")).toEqual({ result: 2 });
    expect(await run(upstash(), "evalsha", sha1(FLAGGED).toUpperCase(), 1, "key")).toEqual({ result: 3 });
  });

  it("is loaded under that digest", async () => {
    expect(await run(upstash(), "SCRIPT", "LOAD", FLAGGED)).toEqual({ result: sha1(FLAGGED) });
    expect(await run(upstash(), "EVALSHA", sha1(FLAGGED), 1, "key")).toEqual({ result: 1 });
  });

  it("exists under that digest only, until SCRIPT FLUSH", async () => {
    await run(upstash(), "EVAL", FLAGGED, 1, "key");
    const exists = ["SCRIPT", "EXISTS", sha1(FLAGGED), sha1(STRIPPED), sha1("other")];
    expect(await run(upstash(), ...exists)).toEqual({ result: [1, 0, 0] });
    expect(await run(upstash(), "EVALSHA", sha1(STRIPPED), 1, "key")).toEqual(NOSCRIPT);

    expect(await run(upstash(), "SCRIPT", "FLUSH")).toEqual({ result: "OK" });
    expect(await run(upstash(), ...exists)).toEqual({ result: [0, 0, 0] });
    expect(await run(upstash(), "EVALSHA", sha1(FLAGGED), 1, "key")).toEqual(NOSCRIPT);
  });

  it("does not hide the same script without the flag", async () => {
    await run(upstash(), "EVAL", FLAGGED, 1, "key");
    await run(upstash(), "SCRIPT", "LOAD", STRIPPED);
    expect(await run(upstash(), "EVALSHA", sha1(STRIPPED), 1, "key")).toEqual({ result: 2 });
    expect(await run(upstash(), "EVALSHA", sha1(FLAGGED), 1, "key")).toEqual({ result: 3 });
  });

  it("hides it again once SCRIPT FLUSH made both unknown", async () => {
    await run(upstash(), "SCRIPT", "LOAD", STRIPPED);
    await run(upstash(), "SCRIPT", "FLUSH");
    await run(upstash(), "SCRIPT", "LOAD", FLAGGED);
    expect(await run(upstash(), "EVALSHA", sha1(STRIPPED), 1, "key")).toEqual(NOSCRIPT);
  });

  it("keeps its other flags", async () => {
    const script = "#!lua flags=no-writes,allow-key-locking\nreturn redis.call('INCR', KEYS[1])";
    const { error } = (await run(upstash(), "EVAL", script, 1, "key")) as { error: string };
    expect(error).toContain("Write commands are not allowed from read-only scripts");
  });

  it("runs by EVAL_RO and EVALSHA_RO", async () => {
    const script = "#!lua flags=allow-key-locking\nreturn redis.call('EXISTS', KEYS[1])";
    expect(await run(upstash(), "EVAL_RO", script, 1, "key")).toEqual({ result: 0 });
    expect(await run(upstash(), "EVALSHA_RO", sha1(script), 1, "key")).toEqual({ result: 0 });
  });

  it("runs in a batch", async () => {
    for (const path of ["/pipeline", "/multi-exec"]) {
      const response = await post(upstash(), path, [
        ["SCRIPT", "LOAD", FLAGGED],
        ["EVALSHA", sha1(FLAGGED), 1, path],
        ["EVALSHA", sha1("other"), 1, path],
      ]);
      expect(await response.json()).toEqual([{ result: sha1(FLAGGED) }, { result: 1 }, NOSCRIPT]);
    }
  });

  it("has the line numbers that its author sees, in errors", async () => {
    const script = "#!lua flags=allow-key-locking\nlocal a = 1\nreturn a + nil";
    const { error } = (await run(upstash(), "EVAL", script, 0)) as { error: string };
    expect(error).toContain("user_script:3:");
  });

  it("does not exist when it does not compile", async () => {
    const broken = "#!lua flags=allow-key-locking\nreturn (";
    expect(await run(upstash(), "SCRIPT", "LOAD", broken)).toHaveProperty("error");
    expect(await run(upstash(), "EVALSHA", sha1(broken), 0)).toEqual(NOSCRIPT);
  });
});

it("other scripts keep the digest that Redis gives them", async () => {
  expect(await run(upstash(), "SCRIPT", "LOAD", "return '🌊'")).toEqual({ result: sha1("return '🌊'") });
  expect(await run(upstash(), "EVALSHA", sha1("return '🌊'"), 0)).toEqual({ result: "🌊" });
});

it("an unknown digest is 400 with NOSCRIPT", async () => {
  const response = await post(upstash(), "/", ["EVALSHA", sha1("other"), 0]);
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual(NOSCRIPT);
});

it.each([
  [["EVAL"]],
  [["EVALSHA"]],
  [["SCRIPT"]],
  [["SCRIPT", "LOAD"]],
  [["SCRIPT", "LOAD", "return 1", "2"]],
])("%j is left to Redis to refuse", async (command) => {
  const { error } = (await run(upstash(), ...command)) as { error: string };
  expect(error).toMatch(/^ERR (wrong number of arguments|unknown subcommand)/i);
});

function sha1(text: string): string {
  return createHash("sha1").update(text).digest("hex");
}
