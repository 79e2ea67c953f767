import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEventReader } from "../../src/http/event-reader.ts";

/** The data of every event in parts of text. */
function read(parts: readonly string[], maxLength = 1_000): string[] {
  const found: string[] = [];
  const reader = createEventReader(maxLength, (data) => found.push(data));
  for (const part of parts) reader.read(part);
  reader.end();
  return found;
}

/** The same as another library finds it. That one wants line feeds, and a blank line at the end. */
function oracle(text: string): string[] {
  const found: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => found.push(data) });
  parser.feed(`${text.replaceAll(/\r\n?/g, "\n")}\n\n`);
  return found;
}

const anyText = fc
  .array(
    fc.constantFrom("data", "data:", "data: ", ":", "id: 1", "x", " ", "é", "\n", "\r", "\r\n", "\n\n"),
    {
      maxLength: 40,
    },
  )
  .map((words) => words.join(""));

describe("events", () => {
  it("have the data that another library finds", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(read([text])).toEqual(oracle(text));
      }),
      { numRuns: 5_000 },
    );
  });

  it("are the same however their text is cut", () => {
    fc.assert(
      fc.property(anyText, fc.array(fc.nat(100)), fc.nat(12), (text, places, maxLength) => {
        const ends = [...places, text.length].toSorted((a, b) => a - b);
        const parts = ends.map((end, i) => text.slice(ends[i - 1] ?? 0, end));
        expect(read(parts, maxLength)).toEqual(read([text], maxLength));
        expect(read([...text], maxLength)).toEqual(read([text], maxLength));
      }),
      { numRuns: 2_000 },
    );
  });

  it("with more data than allowed are passed over, and no others", () => {
    const isData = (line: string) => line === "" || /^data(:|$)/.test(line);
    fc.assert(
      fc.property(anyText, fc.nat(12), (text, maxLength) => {
        const data = text
          .split(/\r\n?|\n/)
          .filter(isData)
          .join("\n");
        expect(read([data], maxLength)).toEqual(read([data]).filter((one) => one.length <= maxLength));
      }),
      { numRuns: 2_000 },
    );
  });

  it("with more beside their data than allowed are passed over as well", () => {
    expect(read(["data: a\n: comment\n\ndata: b\n\n"], 8)).toEqual(["b"]);
  });
});
