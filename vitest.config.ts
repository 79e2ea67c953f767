import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

/** Files that need more than plain Node. */
const WORKERS = "test/**/*.workers.test.ts";
const END_TO_END = "test/e2e/**/*.test.ts";

export default defineConfig({
  test: {
    projects: [
      {
        test: { name: "node", include: ["test/**/*.test.ts"], exclude: [WORKERS, END_TO_END] },
      },
      {
        // The Workers runtime: real Durable Objects, evictions, alarms.
        plugins: [cloudflareTest({ wrangler: { configPath: "./wrangler.toml" } })],
        test: { name: "workers", include: [WORKERS], testTimeout: 20_000 },
      },
      {
        // The built Worker in workerd, in front of a real origin over sockets.
        test: {
          name: "e2e",
          include: [END_TO_END],
          globalSetup: ["test/support/build.ts"],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
    ],
  },
});
