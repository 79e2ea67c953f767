import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { numbers } from "../support/fields.ts";
import { type RunningWorker, startWorker, type WorkerOptions } from "../support/workerd.ts";

const running: RunningWorker[] = [];

async function start(options: WorkerOptions): Promise<RunningWorker> {
  const worker = await startWorker(options);
  running.push(worker);
  return worker;
}

afterEach(async () => {
  for (const worker of running.splice(0)) await worker.stop();
});

describe("a configuration with mistakes", () => {
  it("stops the start and lists every one of them", async () => {
    const failure = await start({
      vars: {
        STORE: "reddis",
        POLICES: "[]",
        IPV6_PREFIX: "129",
        LIMIT_NOBODY: "5/minute",
        POLICIES: [
          { name: "a", limit: "10m" },
          { name: "b", limit: "5/minute", keyy: "ip" },
        ],
      },
    }).then(
      () => "started",
      (error: Error) => error.message,
    );
    const lines = failure.split("\n").filter((line) => line.startsWith("  ") && !line.startsWith("  at "));
    expect(lines.map((line) => line.trim().split(":")[0])).toEqual([
      "POLICES",
      "STORE",
      "IPV6_PREFIX",
      "POLICIES[0].limit",
      "POLICIES[1].keyy",
      "LIMIT_NOBODY",
    ]);
    expect(failure).toContain('did you mean "upstash"?');
    expect(failure).toContain('did you mean "key"?');
  });
});

describe("counts in Durable Objects", () => {
  const vars = { ORIGIN: "http://127.0.0.1:9", POLICIES: [{ name: "one", limit: "3/minute" }] };

  it("survive a restart", async () => {
    const storage = await mkdtemp(join(tmpdir(), "weir-objects-"));
    const first = await start({ vars, storage });
    expect(numbers(await fetch(first.url)).remaining).toBe(2);
    await first.stop();
    const second = await start({ vars, storage });
    expect(numbers(await fetch(second.url)).remaining).toBe(1);
    await second.stop();
    await rm(storage, { recursive: true });
  });

  it("go on when the limit changes, and start afresh when the window does", async () => {
    const storage = await mkdtemp(join(tmpdir(), "weir-objects-"));
    const limits = ["3/minute", "10/minute", "10/2m"];
    const remaining = [];
    for (const limit of limits) {
      const worker = await start({ vars: { ...vars, LIMIT_ONE: limit }, storage });
      remaining.push(numbers(await fetch(worker.url)).remaining);
      await worker.stop();
    }
    expect(remaining).toEqual([2, 8, 9]);
    await rm(storage, { recursive: true });
  });
});
