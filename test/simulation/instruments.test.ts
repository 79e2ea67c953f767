import { describe, expect, it } from "vitest";
import { createCountModel } from "../../simulation/count-model.ts";
import { parseOptions } from "../../simulation/options.ts";
import { createRandom } from "../../simulation/random.ts";
import { createUseLog } from "../../simulation/use-log.ts";
import { createVirtualTime } from "../../simulation/virtual-time.ts";
import { createMeter } from "../../simulation/world-scale/meter.ts";

const SECOND = 1_000;
const sliding = (limit: number) =>
  ({ algorithm: "sliding-window", limit, windowMs: SECOND, burst: limit }) as const;

describe("virtual time", () => {
  it("lets things happen in the order of their times, then of their asking, each with what follows from it", async () => {
    const time = createVirtualTime(0);
    const seen: string[] = [];
    time.after(20, () => seen.push(`late at ${time.nowMs()}`));
    time.after(10, () => {
      seen.push("first");
      void Promise.resolve()
        .then(() => {})
        .then(() => seen.push("what follows"));
    });
    time.after(10, () => seen.push("second"));
    time.after(15, () => seen.push("never")).cancel();
    await time.runUntil(19);
    expect(seen).toEqual(["first", "what follows", "second"]);
    await time.runUntil(30);
    expect([seen.at(-1), time.nowMs()]).toEqual(["late at 20", 30]);
  });
});

describe("a stream of random numbers", () => {
  it("is the same for the same seed and name, whatever was drawn from others", () => {
    const draw = (seed: number, name: string) => {
      const random = createRandom(seed);
      random.fraction();
      const own = random.fork(name);
      return [own.between(0, 1e9), own.between(0, 1e9)];
    };
    expect(draw(1, "a")).toEqual(draw(1, "a"));
    expect(draw(1, "a")).not.toEqual(draw(1, "b"));
    expect(draw(1, "a")).not.toEqual(draw(2, "a"));
  });
});

describe("the log of what was let through on permits", () => {
  it("finds the fullest window that a use is part of, in whatever order they become known", () => {
    const log = createUseLog(sliding(10));
    log.add(0, 0, 3);
    log.add(1_500, 1_500, 4);
    expect(log.worstAround(log.add(900, 900, 2))).toBe(6);
    expect(log.worstAround(log.add(501, 501, 1))).toBe(7);
  });

  it("counts one whose time is not known only where it is sure to lie", () => {
    const log = createUseLog(sliding(10));
    log.add(0, 0, 3);
    const unsure = log.add(500, 1_200, 4);
    expect(log.worstAround(unsure)).toBe(4);
    expect(log.worstAround(log.add(1_300, 1_300, 1))).toBe(5);
  });
});

describe("the observer's count", () => {
  it("of a sliding window knows the room, what a state can know of it, and what is given back", () => {
    const model = createCountModel(sliding(1_000));
    const counted = model.add(1_001, 400, 1_001);
    expect([model.room(2_000), model.room(2_001)]).toEqual([600, 1_000]);
    // Written at the end of its slice of 8 ms.
    expect([model.knownRoom(2_007), model.knownRoom(2_008)]).toEqual([600, 1_000]);
    const undo = model.refund(counted, 100, 1_500);
    expect(model.room(1_500)).toBe(900);
    undo?.();
    expect(model.room(1_500)).toBe(600);
    expect(model.refund(counted, 0, 2_100)).toBeUndefined();
  });

  it("of a bucket gives back no more than is still owed", () => {
    const model = createCountModel({ algorithm: "token-bucket", limit: 2, windowMs: SECOND, burst: 4 });
    const counted = model.add(0, 4, 0);
    expect([model.room(0), model.room(499), model.room(500)]).toEqual([0, 0, 1]);
    const undo = model.refund(counted, 0, 500);
    expect(model.room(500)).toBe(4);
    undo?.();
    expect([model.room(500), model.liveUntilMs()]).toEqual([1, 2_000]);
  });

  it("of a fixed window begins anew with the next", () => {
    const model = createCountModel({ ...sliding(5), algorithm: "fixed-window" });
    const counted = model.add(900, 5, 900);
    expect([model.room(999), model.room(1_000)]).toEqual([0, 5]);
    expect(model.refund(counted, 0, 1_000)).toBeUndefined();
  });
});

describe("a meter", () => {
  it("finds the fullest trailing window", () => {
    const meter = createMeter(0, 130);
    meter.admitted(10_000, 5);
    meter.admitted(69_999, 4);
    meter.admitted(70_000, 3);
    expect(meter.result().fullestWindow).toBe(9);
  });
});

describe("the command line", () => {
  it.each([
    [["--seed", "7"], { kind: "seed", seed: 7, verbose: false }],
    [["--seeds", "10", "--threads", "1"], { kind: "seeds", from: 1, seeds: 10, threads: 1 }],
    [["world", "--seconds", "100"], { kind: "world", seconds: 100 }],
  ])("reads %j", (args, options) => {
    expect(parseOptions(args)).toEqual(options);
  });

  it.each([[["moon"]], [["--seeds", "0"]], [["--seed", "x"]], [["world", "--seconds", "5"]]])(
    "refuses %j",
    (args) => {
      expect(() => parseOptions(args)).toThrow();
    },
  );
});
