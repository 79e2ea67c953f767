import { describe, expect, it } from "vitest";
import { createCounter } from "../../src/store/counter.ts";
import { createCounterStore } from "../../src/store/durable-object.ts";
import { createDisk } from "./counter-world.ts";
import { charge, patience, quota, START_MS } from "./fixtures.ts";

const one = charge({ quota: quota(1, 60_000) });

describe("what an object refuses while an admission may still be given back", () => {
  it.each([
    ["of what is not leased: as long as its request waits", one, 1_000],
    ["of what is leased: as long as its call may take", { ...one, lease: true }, 3_000],
  ])("is not final, %s", async (_, wanted, untilMs) => {
    let nowMs = START_MS;
    const { storage } = createDisk();
    const counter = createCounter({ storage, now: () => nowMs, onCorrupt: () => {} });
    const options = { tentativeMs: 1_000, leasedTentativeMs: 3_000, waitUntil: () => {} };
    const store = createCounterStore(() => counter, options);
    expect((await store.take([wanted], patience, true)).admitted).toBe(true);
    nowMs = START_MS + untilMs - 1;
    expect(await store.take([one], patience)).toMatchObject({ admitted: false, final: false });
    nowMs += 1;
    expect(await store.take([one], patience)).toMatchObject({ admitted: false, final: true });
  });
});
