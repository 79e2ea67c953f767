import { describe, expect, it } from "vitest";
import { type Outcome, runWorld } from "../../simulation/world.ts";

const digests = async (seeds: readonly number[]) => {
  const found: number[] = [];
  for (const seed of seeds) found.push((await runWorld(seed)).history.digest());
  return found;
};

describe("a world", () => {
  it("has the same history for the same seed, and another for another", async () => {
    const seeds = Array.from({ length: 25 }, (_, i) => i + 1);
    const first = await digests(seeds);
    expect(await digests(seeds)).toEqual(first);
    expect(new Set(first).size).toBe(seeds.length);
  });

  it("gives the timers back as they were", async () => {
    const { setTimeout, clearTimeout } = globalThis;
    await runWorld(1);
    expect(globalThis.setTimeout).toBe(setTimeout);
    expect(globalThis.clearTimeout).toBe(clearTimeout);
  });

  it("is decided alike whatever the clocks of the isolates show", { timeout: 60_000 }, async () => {
    let compared = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const lying = await runWorld(seed);
      // A clock that is set is another matter, and an isolate that counts by itself does so by its own clock.
      if (happened(lying, "isolate clock") || happened(lying, "outcome local")) continue;
      const { history } = await runWorld(seed, { trueClocks: true });
      expect(history.digest(), `seed ${seed}`).toBe(lying.history.digest());
      compared += Number(happened(lying, "refused at the edge"));
    }
    expect(compared).toBeGreaterThan(20);
  });
});

const happened = ({ census }: Outcome, what: string): boolean => (census.totals().get(what) ?? 0) > 0;
