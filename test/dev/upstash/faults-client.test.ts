import { Redis } from "@upstash/redis";
import { describe, expect, it } from "vitest";
import type { Fault } from "../../../dev/upstash/faults.ts";
import { TOKEN, useLocalUpstash } from "./local-upstash.ts";

const upstash = useLocalUpstash();

describe("with the real client", () => {
  const client = (settings: { retries?: number; timeoutMs?: number } = {}) => {
    const { retries = 0, timeoutMs = 10_000 } = settings;
    return new Redis({
      url: upstash().url,
      token: TOKEN,
      retry: { retries, backoff: () => 0 },
      signal: () => AbortSignal.timeout(timeoutMs),
    });
  };

  it.each([
    [{ kind: "unauthorized" }, "WRONGPASS"],
    [{ kind: "too-many" }, "ERR max requests limit exceeded"],
    [{ kind: "html" }, "Unable to parse response body"],
    [{ kind: "drop" }, "fetch failed"],
    [{ kind: "reset" }, "fetch failed"],
    [{ kind: "half" }, "terminated"],
    [{ kind: "hang" }, "timeout"],
    [{ kind: "delay", ms: 1_000 }, "timeout"],
  ] satisfies [Fault, string][])("%j is an error", async (fault, message) => {
    upstash().faults.set(fault);
    const timeoutMs = message === "timeout" ? 200 : 10_000;
    // A read: the delayed one is executed later, during other tests.
    await expect(client({ timeoutMs }).get("key")).rejects.toThrow(message);
  });

  it("a retry after drop counts twice", async () => {
    upstash().faults.set({ kind: "drop", times: 1 });
    expect(await client({ retries: 1 }).incr("key")).toBe(2);
  });
});
