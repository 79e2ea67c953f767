import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FaultyMetrics, writeFaultyMetrics } from "../support/faulty-metrics.ts";
import { newAddress } from "../support/gateway.ts";
import { untilMetrics } from "../support/metrics-reader.ts";
import { type Origin, startOrigin } from "../support/origin.ts";
import { type RunningWorker, startWorker } from "../support/workerd.ts";

describe("metrics objects that fail", () => {
  const FAILURES = 3;
  const started: { origin?: Origin; weir?: RunningWorker; metrics?: FaultyMetrics } = {};
  beforeAll(async () => {
    started.origin = await startOrigin();
    started.metrics = await writeFaultyMetrics(FAILURES);
    started.weir = await startWorker({
      script: started.metrics.script,
      vars: { STORE: "local", ORIGIN: started.origin.url, POLICIES: [{ name: "five", limit: "5/minute" }] },
    });
  });
  afterAll(async () => {
    await started.weir?.stop();
    await started.origin?.close();
    await started.metrics?.remove();
  });

  it("keep nobody waiting, are in the log, and count everything once they are back", async () => {
    const { weir } = started;
    if (!weir) throw new Error("only usable inside a test");
    const slowest = { ms: 0 };
    let sent = 0;
    const isBack = () => weir.output().includes(`metrics call ${FAILURES + 1}`);
    const untilMs = performance.now() + 60_000;
    while (!isBack() && performance.now() < untilMs) {
      const beginMs = performance.now();
      const { status } = await fetch(`${weir.url}/five`, { headers: { "CF-Connecting-IP": newAddress() } });
      expect(status).toBe(200);
      slowest.ms = Math.max(slowest.ms, performance.now() - beginMs);
      sent += 1;
      await new Promise((wake) => setTimeout(wake, 50));
    }
    expect(isBack()).toBe(true);
    // A flush is given three seconds.
    expect(slowest.ms).toBeLessThan(2_000);
    const { counts } = await untilMetrics(weir, (metrics) => metrics.counts["answers allowed"] === sent);
    expect(counts["answers allowed"]).toBe(sent);
    expect(counts["requests five allowed"]).toBe(sent);
    expect(counts.metrics_dropped).toBeUndefined();
    expect(weir.output()).toContain('"event":"metrics_error","reason":"Error: the object is broken"');
  }, 90_000);
});
