import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../../dev/weir/log/entry.ts";
import { fieldPaths } from "../../../../dev/weir/log/json-fields.ts";
import { createLineSplitter, type LogFile, openLog } from "../../../../dev/weir/log/lines.ts";
import { mergeByTime } from "../../../../dev/weir/log/merge.ts";
import { noCounts, readLog } from "../../../../dev/weir/log/read-log.ts";
import { useFolder } from "../cli.ts";

const folder = useFolder();
const START_MS = Date.UTC(2026, 9, 10);

/** A line in combined format, so many seconds after the start. */
function line(seconds: number, address = "192.0.2.7"): string {
  const time = new Date(START_MS + seconds * 1_000).toISOString().slice(11, 19);
  return `${address} - - [10/Oct/2026:${time} +0000] "GET / HTTP/1.1" 200 1`;
}

async function read(file: LogFile, slackMs = 10_000) {
  const counts = noCounts();
  const options = { fields: fieldPaths([], []), wantsHeaders: false, slackMs };
  const entries: Entry[] = [];
  for await (const batch of readLog(file, options, counts)) entries.push(...batch);
  return { counts, seconds: entries.map(({ timeMs }) => (timeMs - START_MS) / 1_000), entries };
}

const fileOf = (name: string, content: string | Buffer): LogFile =>
  openLog(name, folder.write(name, content), process.stdin);

describe("lines", () => {
  it("are the same, however their text is cut", () => {
    const texts = fc.array(fc.constantFrom("a", "bc", "\n", "\r\n", "", "é")).map((list) => list.join(""));
    fc.assert(
      fc.property(texts, fc.array(fc.nat(20)), (text, cuts) => {
        const lines: string[] = [];
        const splitter = createLineSplitter((one) => lines.push(one));
        const ends = [0, ...cuts.toSorted((one, other) => one - other), text.length];
        for (const [i, end] of ends.entries()) splitter.write(text.slice(i === 0 ? 0 : ends[i - 1], end));
        splitter.end();
        const all = text.split(/\r?\n/);
        expect(lines).toEqual(all.at(-1) === "" ? all.slice(0, -1) : all);
      }),
    );
  });

  it("are cut when they never end, and the next one is whole", () => {
    const lines: string[] = [];
    const splitter = createLineSplitter((one) => lines.push(one));
    for (let i = 0; i < 40; i++) splitter.write("x".repeat(100_000));
    splitter.write("\nnext\n");
    expect(lines.map(({ length }) => length)).toEqual([1024 * 1024, 4]);
  });
});

describe("a log", () => {
  it("is read from a file, packed or not, to its last line", async () => {
    const text = `${line(1)}\n${line(2)}`;
    expect((await read(fileOf("plain.log", text))).seconds).toEqual([1, 2]);
    expect((await read(fileOf("packed.log.gz", gzipSync(text)))).seconds).toEqual([1, 2]);
    // As `cat a.gz b.gz` makes it.
    const members = Buffer.concat([gzipSync(`${line(1)}\n`), gzipSync(`${line(2)}\n`)]);
    expect((await read(fileOf("members", members))).seconds).toEqual([1, 2]);
  });

  it("is read from standard input, in whatever pieces", async () => {
    const packed = gzipSync(`${line(1)}\n${line(2)}\n`);
    const pieces = [packed.subarray(0, 2), packed.subarray(2, 9), packed.subarray(9)];
    const { seconds } = await read(openLog("-", "", Readable.from(pieces)));
    expect(seconds).toEqual([1, 2]);
  });

  it("that is packed and long leaves nothing behind for each of its pieces", async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on("warning", note);
    const noise = Array.from({ length: 40 }, () => randomBytes(32 * 1024).toString("base64"));
    const { seconds } = await read(fileOf("long.log.gz", gzipSync([...noise, line(1)].join("\n"))));
    // Warnings come a moment later.
    await setImmediate();
    process.off("warning", note);
    expect({ seconds, warnings }).toEqual({ seconds: [1], warnings: [] });
  });

  it("says that it ends too early", async () => {
    const packed = gzipSync(line(1).repeat(1_000));
    await expect(read(fileOf("cut.gz", packed.subarray(0, -20)))).rejects.toThrow(
      /cut.gz cannot be read to its end/,
    );
  });

  it("counts broken lines, shows the first and goes on", async () => {
    const text = [
      line(1),
      "\u001b[31mred",
      "",
      ..."123456".split("").map((digit) => `{"n":${digit}}`),
      line(2),
    ];
    const { counts, seconds } = await read(fileOf("broken.log", text.join("\n")));
    expect(seconds).toEqual([1, 2]);
    expect(counts).toMatchObject({ lines: 9, broken: 7 });
    expect(counts.shown).toHaveLength(5);
    expect(counts.shown[0]).toEqual({
      file: "broken.log",
      number: 2,
      reason: "no time in brackets",
      text: "\\u001b[31mred",
    });
  });

  it("may have a format for each line", async () => {
    const json = JSON.stringify({ time: START_MS + 2_000, ip: "192.0.2.7", method: "GET", path: "/" });
    const { counts, seconds } = await read(fileOf("both.log", `${line(1)}\n${json}\n`));
    expect({ formats: counts.byFormat, seconds }).toEqual({
      formats: { combined: 1, json: 1 },
      seconds: [1, 2],
    });
  });

  it("is put in order as far as lines are not too far apart", async () => {
    const orderly = await read(fileOf("orderly.log", [5, 1, 3, 12, 2, 14].map((at) => line(at)).join("\n")));
    expect(orderly).toMatchObject({ seconds: [1, 2, 3, 5, 12, 14], counts: { late: 0 } });
  });

  it("counts what comes too late, and keeps it", async () => {
    const early = Array.from({ length: 6_000 }, (_, i) => line(100 + i / 100));
    const { counts, seconds } = await read(fileOf("late.log", [...early, line(1)].join("\n")), 1_000);
    expect(counts.late).toBe(1);
    expect(seconds).toHaveLength(6_001);
  });
});

describe("several logs", () => {
  it("are merged by time", async () => {
    const times = fc.array(fc.nat(1_000), { maxLength: 50 }).map((list) => list.toSorted((a, b) => a - b));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(times, fc.integer({ min: 1, max: 5 })), { maxLength: 4 }),
        async (logs) => {
          const merged: number[] = [];
          for await (const batch of mergeByTime(logs.map(([list, size]) => batches(list, size))))
            merged.push(...batch.map(({ timeMs }) => timeMs));
          expect(merged).toEqual(logs.flatMap(([list]) => list).toSorted((a, b) => a - b));
        },
      ),
    );
  });
});

async function* batches(times: readonly number[], size: number): AsyncGenerator<Entry[]> {
  const entry = { method: "GET", host: "", target: "/", address: "192.0.2.7", status: 200 };
  for (let i = 0; i < times.length; i += size) {
    yield [];
    yield times.slice(i, i + size).map((timeMs) => ({ ...entry, timeMs }));
  }
}
