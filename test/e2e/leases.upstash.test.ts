import { expect, it } from "vitest";
import { sendBurst } from "../support/instances.ts";
import { LONG_TIMEOUT } from "../support/ladder.ts";
import { shareStore } from "../support/shared-store.ts";

// Durable Objects live inside their workerd process, so Workers at the same time share them only on Cloudflare.
it("three Workers with leases of one key never admit more than its limit together, and hardly less", async () => {
  const POLICIES = [{ name: "hot", key: "header:x-user-id", limit: "600/hour", lease: true }];
  const start = await shareStore({ STORE_TIMEOUT: LONG_TIMEOUT, POLICIES });
  const workers = [await start(), await start(), await start()];
  const burst = { requests: 1_500, connections: 6, path: "/", caller: "someone" };
  const { answers } = await sendBurst(
    workers.map(({ url }) => url),
    burst,
  );
  const allowed = answers.get("allowed") ?? 0;
  expect([...answers.keys()].toSorted()).toEqual(["allowed", "refused"]);
  expect(allowed).toBeLessThanOrEqual(600);
  // In each hand there may be a twentieth of the limit when the others are refused.
  expect(allowed).toBeGreaterThanOrEqual(540);
});
