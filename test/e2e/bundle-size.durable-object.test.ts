import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { BUNDLE } from "../support/workerd.ts";

/** What a route or a metric may cost is decided against this. */
const MAX_BYTES = 60_000;

it(`the script, minified and compressed, has at most ${MAX_BYTES} bytes`, () => {
  const bytes = gzipSync(readFileSync(BUNDLE), { level: 9 }).length;
  expect(
    bytes,
    "The Worker's script grew too large. See which module it is (docs/decisions/012-small-script.md says how), " +
      "and whether a smaller library, the platform, or a few lines do the same.",
  ).toBeLessThanOrEqual(MAX_BYTES);
});
