import { describe, expect, it } from "vitest";
import {
  ALL_OR_NOTHING_DROPPED,
  BATCH_END_IGNORED,
  REFUSAL_CACHED_TOO_LONG,
  type Sabotage,
} from "../../simulation/sabotage.ts";
import { runWorld } from "../../simulation/world.ts";

/** The first of 200 worlds in which something like this is found to be broken. */
async function firstFound(sabotage: Sabotage, promise: number, text: RegExp): Promise<number | undefined> {
  for (let seed = 1; seed <= 200; seed++) {
    const { violations } = await runWorld(seed, { sabotage });
    if (violations.some((one) => one.promise === promise && text.test(one.text))) return seed;
  }
  return undefined;
}

describe("the observer finds within 200 worlds", { timeout: 60_000 }, () => {
  it("that permits count from their asking instead of their end, by what was let through", async () => {
    expect(await firstFound(BATCH_END_IGNORED, 1, /let \d+ through in a window/)).toBeGreaterThan(0);
  });

  it("the same by what the store admitted although there was no room", async () => {
    expect(await firstFound(BATCH_END_IGNORED, 1, /admitted \d+ where there was room for/)).toBeGreaterThan(
      0,
    );
  });

  it("that a refusal is remembered for too long", async () => {
    expect(await firstFound(REFUSAL_CACHED_TOO_LONG, 3, /refused from memory/)).toBeGreaterThan(0);
  });

  it("that a refused take charges what had room", async () => {
    expect(await firstFound(ALL_OR_NOTHING_DROPPED, 2, /a refusal changed what is stored/)).toBeGreaterThan(
      0,
    );
  });
});
