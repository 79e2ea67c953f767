import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import type { TestedStore } from "./test/support/local-store.ts";

/** Files that need more than plain Node. */
const WORKERS = "test/**/*.workers.test.ts";
const END_TO_END = "test/e2e/**/*.test.ts";
const LIVE = "test/live/**/*.test.ts";

/**
 * The built Worker in workerd, in front of a real origin over sockets, on one of the stores. A file named after the other
 * store, as in `faults.upstash.test.ts`, is about that alone.
 */
function endToEnd(store: TestedStore, other: TestedStore) {
  return {
    test: {
      name: `e2e ${store}`,
      include: [END_TO_END],
      exclude: [`test/e2e/**/*.${other}.test.ts`],
      env: { WEIR_TEST_STORE: store },
      globalSetup: ["test/support/build.ts"],
      testTimeout: 60_000,
      hookTimeout: 60_000,
    },
  };
}

/** A real database, named by two variables: only with `npm run test:upstash`. */
const live = { test: { name: "live", include: [LIVE], testTimeout: 120_000 } };

export default defineConfig(({ mode }) => ({
  test: {
    // End-to-end tests wait for the platform most of the time.
    maxWorkers: 3,
    projects:
      mode === "live"
        ? [live]
        : [
            {
              test: {
                name: "node",
                include: ["test/**/*.test.ts"],
                exclude: [WORKERS, END_TO_END, LIVE],
                testTimeout: 60_000,
              },
            },
            {
              // The Workers runtime: real Durable Objects, evictions, alarms.
              plugins: [cloudflareTest({ wrangler: { configPath: "./wrangler.toml" } })],
              test: { name: "workers", include: [WORKERS], testTimeout: 60_000 },
            },
            endToEnd("durable-object", "upstash"),
            endToEnd("upstash", "durable-object"),
          ],
  },
}));
