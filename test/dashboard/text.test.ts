import { describe, expect, it } from "vitest";
import { relative, seconds } from "../../dashboard/text/durations.ts";
import { limitText, quotaLines, suggestedLimit, windowText } from "../../dashboard/text/limits.ts";
import { count, counted, latency, rate, share } from "../../dashboard/text/numbers.ts";
import { parseRates } from "../../src/config/rate.ts";
import { configuration } from "./fixtures.ts";

describe("a number", () => {
  it("has separators between thousands", () => {
    expect(count(1_234_567)).toBe("1,234,567");
  });

  it.each([
    [0.44, "0.4"],
    [7.0, "7"],
    [31.6, "32"],
  ])("as a rate has a tenth only below ten: %d is %s", (n, text) => {
    expect(rate(n)).toBe(text);
  });

  it.each([
    [0, 100, "0%"],
    [1, 10_000, "<0.1%"],
    [32, 1_000, "3.2%"],
    [48, 100, "48%"],
    [1, 1, "100%"],
    [0, 0, "–"],
  ])("as a share: %d of %d is %s", (part, whole, text) => {
    expect(share(part, whole)).toBe(text);
  });

  it("of things is singular for one", () => {
    expect([counted(1, "key"), counted(2, "key"), counted(2, "policy", "policies")]).toEqual([
      ...["1 key", "2 keys", "2 policies"],
    ]);
  });

  it.each([
    [2.13, "2.1 ms"],
    [1_234, "1.2 s"],
    [null, "–"],
  ])("as a latency: %s is %s", (ms, text) => {
    expect(latency(ms)).toBe(text);
  });
});

describe("a length of time", () => {
  it.each([
    [0, "0 s"],
    [47, "47 s"],
    [185, "3 min 5 s"],
    [7_200, "2 h"],
    [90_061, "1 d 1 h"],
    [3_605, "1 h"],
  ])("has at most its two largest units: %d is %s", (total, text) => {
    expect(seconds(total)).toBe(text);
  });

  it.each([
    [0, "just now"],
    [-12_000, "12 s ago"],
    [13_000, "in 13 s"],
    [119_000, "in 119 s"],
    [121_000, "in 2 min"],
    [-7_200_000, "2 h ago"],
    [3_600_000, "in 60 min"],
    [7_201_000, "in 2 h"],
  ])("from now: %d ms is %s", (distanceMs, text) => {
    expect(relative(1_000_000 + distanceMs, 1_000_000)).toBe(text);
  });
});

describe("a limit", () => {
  it.each([
    [1, "second"],
    [60, "minute"],
    [90, "90 seconds"],
    [7_200, "2 hours"],
    [86_400, "day"],
    [604_800, "7 days"],
  ])("names its window as configurations do: %d s is %s", (window, text) => {
    expect(windowText(window)).toBe(text);
  });

  it("without a window counts what is open at once", () => {
    expect(limitText({ name: "sockets", limit: 5 })).toBe("5 at once");
  });

  it("of a table has a line for each row", () => {
    const [policy] = configuration.policies;
    if (!policy) throw new Error("no policy");
    const { limits, ...rest } = policy;
    const table = { by: "jwt:plan", rows: { pro: limits ?? [], enterprise: [] } };
    expect(quotaLines({ ...rest, table })).toEqual(["pro: 5 / minute, 60 / hour", "enterprise: unlimited"]);
  });

  it("is suggested in the grammar that overrides are read by, the configured one where the key is blocked", () => {
    const state = { remaining: 0, reset_seconds: 0 };
    const text = suggestedLimit([
      { ...state, name: "a", limit: 100, window_seconds: 10 },
      { ...state, name: "b", limit: 0, configured_limit: 60, window_seconds: 3_600 },
      { ...state, name: "c", limit: 5 },
    ]);
    const parsed = parseRates(text);
    expect(parsed).toMatchObject({
      ok: true,
      value: [
        { limit: 100, windowMs: 10_000 },
        { limit: 60, windowMs: 3_600_000 },
        { limit: 5, windowMs: undefined },
      ],
    });
  });
});
