import { describe, expect, it } from "vitest";
import { ADVERSARIES, mostWithin, WINDOWS } from "../../bench/adversaries.ts";

const LIMIT = 10;
const WINDOW_MS = 1_000;

/** Counters that the adversaries are made for, in windows of a second: what each admits of instants in order. */
const COUNTERS: Readonly<Record<string, () => (at: number) => boolean>> = {
  "by windows of the clock": () => {
    const used = new Map<number, number>();
    return (at) => takeOne(used, Math.floor(at / WINDOW_MS));
  },
  "by windows of the clock, the one before by its share, a refusal for the rest of the window": () => {
    const used = new Map<number, number>();
    let refusedIn = Number.NaN;
    return (at) => {
      const window = Math.floor(at / WINDOW_MS);
      const before = (used.get(window - 1) ?? 0) * (1 - (at / WINDOW_MS - window));
      const isFull = Math.floor(before) + (used.get(window) ?? 0) >= LIMIT;
      if (isFull) refusedIn = window;
      return refusedIn !== window && takeOne(used, window);
    };
  },
  "by a window that begins with the first request": () => {
    let [endsAt, used] = [0, 0];
    return (at) => {
      if (at >= endsAt) [endsAt, used] = [at + WINDOW_MS, 0];
      used += 1;
      return used <= LIMIT;
    };
  },
  "by the trailing window": () => {
    const admitted: number[] = [];
    return (at) => {
      const isAdmitted = admitted.filter((other) => other > at - WINDOW_MS).length < LIMIT;
      if (isAdmitted) admitted.push(at);
      return isAdmitted;
    };
  },
};

function takeOne(used: Map<number, number>, window: number): boolean {
  const count = used.get(window) ?? 0;
  if (count < LIMIT) used.set(window, count + 1);
  return count < LIMIT;
}

/** The most that a counter, asked at once, admits of one adversary within a window. */
function mostAdmitted(counter: string, adversary: string): number {
  const admits = COUNTERS[counter]?.();
  const sends = ADVERSARIES.find(({ name }) => name === adversary)?.sends(LIMIT) ?? [];
  const inOrder = sends.map((at) => Math.round(at * WINDOW_MS)).toSorted((one, other) => one - other);
  const admitted = inOrder.filter((at) => admits?.(at));
  return mostWithin(
    admitted.map((at) => ({ sentMs: at, arrivedMs: at })),
    WINDOW_MS,
  );
}

describe("an adversary gets nearly twice the limit out of the counter it is made for", () => {
  it.each([
    ["calendar boundaries", "by windows of the clock", 20],
    [
      "late in the window",
      "by windows of the clock, the one before by its share, a refusal for the rest of the window",
      19,
    ],
    ["anchored at the first request", "by a window that begins with the first request", 19],
  ])("%s: %s", (adversary, counter, most) => {
    expect(mostAdmitted(counter, adversary)).toBeGreaterThanOrEqual(most);
  });
});

describe("out of a counter of the trailing window", () => {
  it.each(ADVERSARIES.map(({ name }) => name))("%s gets the limit, and not one more", (adversary) => {
    expect(mostAdmitted("by the trailing window", adversary)).toBe(LIMIT);
  });
});

it("no adversary goes on for longer than it is waited for", () => {
  const latest = Math.max(...ADVERSARIES.flatMap(({ sends }) => sends(LIMIT)));
  expect(latest).toBeLessThanOrEqual(WINDOWS);
});

describe("what certainly lay within one window", () => {
  it("counts from the sending of its first to the arrival of its last", () => {
    const admissions = [
      { sentMs: 0, arrivedMs: 400 },
      { sentMs: 500, arrivedMs: 999 },
    ];
    expect(mostWithin(admissions, WINDOW_MS)).toBe(2);
  });

  it("leaves out one that arrived as the window was over", () => {
    const admissions = [
      { sentMs: 0, arrivedMs: 1 },
      { sentMs: 500, arrivedMs: 1_000 },
    ];
    expect(mostWithin(admissions, WINDOW_MS)).toBe(1);
  });

  it("is nothing where nothing was admitted", () => {
    expect(mostWithin([], WINDOW_MS)).toBe(0);
  });
});
