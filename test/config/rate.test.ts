import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDuration, parseRates, rateText, windowName } from "../../src/config/rate.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("rate text", () => {
  it.each([
    ["10/s", 10, SECOND],
    ["10/sec", 10, SECOND],
    ["10/second", 10, SECOND],
    ["10/seconds", 10, SECOND],
    ["10 per second", 10, SECOND],
    ["60/m", 60, MINUTE],
    ["60/min", 60, MINUTE],
    ["60/minute", 60, MINUTE],
    ["100/h", 100, HOUR],
    ["100/hr", 100, HOUR],
    ["100/hour", 100, HOUR],
    ["1000/d", 1_000, DAY],
    ["1000/day", 1_000, DAY],
    ["100/10s", 100, 10 * SECOND],
    ["100/10 s", 100, 10 * SECOND],
    ["10 per 2 Minutes", 10, 2 * MINUTE],
    ["5/ M ", 5, MINUTE],
    ["  5 / min  ", 5, MINUTE],
    ["5\tPER\nminute", 5, MINUTE],
    ["005/1m", 5, MINUTE],
  ])("%j is %i in %i ms", (text, limit, windowMs) => {
    expect(parseRates(text)).toEqual({ ok: true, value: [{ limit, windowMs }] });
  });

  it.each(["5/minute;60/hour", "5/minute, 60/hour", " 5/m ,60 per hour "])("%j is two quotas", (text) => {
    const value = [
      { limit: 5, windowMs: MINUTE },
      { limit: 60, windowMs: HOUR },
    ];
    expect(parseRates(text)).toEqual({ ok: true, value });
  });

  it.each([
    ["abc/m", /count "abc"/],
    ["0/s", /count "0"/],
    ["-1/m", /count "-1"/],
    ["1.5/m", /count "1.5"/],
    ["1e3/m", /count "1e3"/],
    ["+5/m", /count "\+5"/],
    ["0x10/m", /count "0x10"/],
    ["/m", /count ""/],
    ["9007199254740993/m", /count "9007199254740993"/],
    ["60", /no "\/"/],
    ["10m", /no "\/"/],
    ["unlimited", /no "\/"/],
    ["/", /count ""/],
    ["", /is empty/],
    ["   ", /is empty/],
    ["5/m,", /empty quota/],
    [",5/m", /empty quota/],
    ["5/m;;60/h", /empty quota/],
    ["10/fortnight", /"fortnight" has no known unit/],
    ["10/", /"" has no known unit/],
    ["10/10", /"10" has no known unit/],
    ["10/constructor", /no known unit/],
    ["10/0s", /at least 1/],
    ["10/1.5m", /no known unit/],
    ["10/-1m", /no known unit/],
    ["10/m/h", /./],
    ["5/m, 6/min", /two quotas for one window/],
    ["5/m, 6/60s", /two quotas for one window/],
    ["5 concurrent, 6 concurrent", /two quotas for one window/],
    ["0 concurrent", /the count "0" is not a whole number/],
    ["x concurrent", /the count "x" is not a whole number/],
    ["5/concurrent", /"concurrent" has no known unit/],
    ["5 per concurrent", /the count "5 per" is not/],
    ["concurrent", /has no "\/"/],
  ])("%j is an error that says what is wrong", (text, message) => {
    expect(parseRates(text)).toMatchObject({ ok: false, problem: expect.stringMatching(message) });
  });

  it.each([
    ["5 concurrent", [{ limit: 5, windowMs: undefined }]],
    [
      " 5  CONCURRENT ; 60/minute",
      [
        { limit: 5, windowMs: undefined },
        { limit: 60, windowMs: MINUTE },
      ],
    ],
  ])("%j is so many at the same time", (text, rates) => {
    expect(parseRates(text)).toEqual({ ok: true, value: rates });
  });

  it("reads what is written, in any case, spacing and unit", () => {
    const units = {
      [SECOND]: ["s", "sec", "second", "seconds"],
      [MINUTE]: ["m", "min", "minute", "minutes"],
      [HOUR]: ["h", "hr", "hour", "hours"],
      [DAY]: ["d", "day", "days"],
    };
    const anyCaseOf = (text: string) =>
      fc
        .array(fc.boolean(), { minLength: text.length, maxLength: text.length })
        .map((upper) => [...text].map((letter, i) => (upper[i] ? letter.toUpperCase() : letter)).join(""));
    const space = fc.constantFrom("", " ", "  ", "\t");
    const anyRate = fc.record({
      limit: fc.integer({ min: 1, max: 10 ** 9 }),
      count: fc.option(fc.integer({ min: 1, max: 500 }), { nil: undefined }),
      unitMs: fc.constantFrom(SECOND, MINUTE, HOUR, DAY),
    });
    const printed = anyRate.chain(({ limit, count, unitMs }) =>
      fc
        .record({
          unit: fc.constantFrom(...(units[unitMs] ?? [])).chain(anyCaseOf),
          per: anyCaseOf("per"),
          slash: fc.boolean(),
          spaces: fc.tuple(space, space, space, space, space),
        })
        .map(({ unit, per, slash, spaces: [before, left, right, middle, after] }) => ({
          text: `${before}${limit}${slash ? `${left}/${right}` : `${left} ${per} ${right}`}${count ?? ""}${middle}${unit}${after}`,
          rate: { limit, windowMs: (count ?? 1) * unitMs },
        })),
    );
    fc.assert(
      fc.property(printed, ({ text, rate }) => {
        expect(parseRates(text)).toEqual({ ok: true, value: [rate] });
      }),
      { numRuns: 500 },
    );
  });

  it("reads back what it says itself of a rate", () => {
    const anyWindow = fc.integer({ min: 1, max: 10_000_000 }).map((seconds) => seconds * SECOND);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 ** 9 }), anyWindow, (limit, windowMs) => {
        const written = rateText({ limit, windowMs }).replace(/ requests?/, "");
        expect(parseRates(written)).toEqual({ ok: true, value: [{ limit, windowMs }] });
      }),
      { numRuns: 500 },
    );
  });

  it("never throws", () => {
    const anyText = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom(..."19/ perms,;.-") }),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        const rates = parseRates(text);
        if (!rates.ok) return;
        expect(rates.value.length).toBeGreaterThan(0);
        for (const { limit, windowMs = SECOND } of rates.value) {
          expect(limit >= 1 && windowMs >= SECOND && Number.isSafeInteger(limit)).toBe(true);
          expect(Number.isSafeInteger(windowMs)).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("a window's name", () => {
  it.each([
    [SECOND, "second"],
    [MINUTE, "minute"],
    [HOUR, "hour"],
    [DAY, "day"],
    [10 * SECOND, "10s"],
    [2 * MINUTE, "2m"],
    [90 * SECOND, "90s"],
    [120 * SECOND, "2m"],
    [36 * HOUR, "36h"],
    [7 * DAY, "7d"],
  ])("of %i ms is %s", (windowMs, name) => {
    expect(windowName({ limit: 5, windowMs })).toBe(name);
  });

  it("of what counts at the same time is concurrent", () => {
    expect(windowName({ limit: 5, windowMs: undefined })).toBe("concurrent");
  });
});

describe("a rate in words", () => {
  it.each([
    [5, MINUTE, "5 requests per minute"],
    [1, SECOND, "1 request per second"],
    [1, 10 * SECOND, "1 request per 10 seconds"],
    [100, 2 * DAY, "100 requests per 2 days"],
  ])("%i in %i ms is %j", (limit, windowMs, text) => {
    expect(rateText({ limit, windowMs })).toBe(text);
  });

  it.each([
    [{ limit: 5, windowMs: undefined }, "connection", "5 concurrent connections"],
    [{ limit: 1, windowMs: undefined }, "request", "1 concurrent request"],
    [{ limit: 1, windowMs: MINUTE }, "message", "1 message per minute"],
    [{ limit: 9, windowMs: MINUTE }, "byte", "9 bytes per minute"],
  ])("%j of %ss is %j", (rate, what, text) => {
    expect(rateText(rate, what)).toBe(text);
  });
});

describe("a length of time", () => {
  it.each([
    ["1s", SECOND],
    ["500ms", 500],
    ["2 minutes", 2 * MINUTE],
    [" 15 M ", 15 * MINUTE],
  ])("%j is %i ms", (text, ms) => {
    expect(parseDuration(text)).toEqual({ ok: true, value: ms });
  });

  it.each(["", "s", "1", "0s", "-1s", "1.5s", "1 fortnight", "1s2s", "99999999999999999d"])(
    "%j is an error",
    (text) => {
      expect(parseDuration(text).ok).toBe(false);
    },
  );
});
