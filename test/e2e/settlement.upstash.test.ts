import { afterEach, describe, expect, it } from "vitest";
import { newAddress, useGateway } from "../support/gateway.ts";
import { LONG_TIMEOUT } from "../support/ladder.ts";

const metered = { limit: "1000/minute", estimate: 500 };

const gateway = useGateway({
  STORE_TIMEOUT: LONG_TIMEOUT,
  POLICIES: [
    { name: "failures", key: "header:x-failures | none", limit: "10/minute", count: "401" },
    { name: "body", key: "header:x-body | none", ...metered, cost: "response-json:/usage/total_tokens" },
    { name: "field", key: "header:x-field | none", ...metered, cost: "response-header:x-tokens" },
  ],
});

// Only Redis can be stopped between the decision and the settlement.
describe("a store that hangs after it has admitted", () => {
  const faults = () => gateway.redis?.rest.faults;
  afterEach(() => faults()?.clear());

  it.each([
    ["a refund", "failures", "/login?wait=200"],
    ["a true cost in the body", "body", "/v1/chat?tokens=120&wait=200"],
    ["a true cost in a field", "field", "/v1/chat?tokens=120&wait=200"],
  ])("does not hold up the response with %s", async (_, policy, path) => {
    const before = gateway.origin.seen.length;
    const answering = gateway.send(path, {
      method: "POST",
      headers: { [`X-${policy}`]: `caller-${newAddress()}` },
      body: JSON.stringify({ password: "right" }),
    });
    await expect.poll(() => gateway.origin.seen.length).toBe(before + 1);
    faults()?.set({ kind: "hang" });
    await gateway.redis?.rest.resetStats();
    const hangingMs = performance.now();
    const response = await answering;
    await response.text();
    expect(response.status).toBe(200);
    // The store is given ten seconds.
    expect(performance.now() - hangingMs).toBeLessThan(5_000);
    await expect.poll(() => gateway.redis?.rest.requests).toBeGreaterThanOrEqual(1);
  });
});
