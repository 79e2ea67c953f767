import { describe, expect, it } from "vitest";
import type { LogFile } from "../../../../dev/weir/log/lines.ts";
import { createProgress, progressText } from "../../../../dev/weir/replay/progress.ts";

const file = (read: number, bytes: number | undefined): LogFile => ({
  name: "access.log",
  bytes,
  bytesRead: () => read,
  async *text() {},
});

describe("the progress of a replay", () => {
  it("shows how far it is over all files, the rate and the time left", () => {
    const text = progressText([file(100, 100), file(50, 200)], 1_000_000, 10_000);
    expect(text).toBe("████████████░░░░░░░░░░░░ 50 %  1,000,000 lines, 100,000/s, 10 s left");
  });

  it("shows the rate alone where nobody knows how much there is", () => {
    expect(progressText([file(100, undefined)], 500, 1_000)).toBe("500 lines, 500/s");
  });

  it("is drawn now and then, no wider than the terminal, and taken away", () => {
    const written: string[] = [];
    let nowMs = 0;
    const live = { write: (text: string) => written.push(text), columns: 20 };
    const progress = createProgress([file(50, 100)], live, () => nowMs);
    for (; nowMs < 1_000; nowMs += 10) progress.show(nowMs);
    progress.end();
    expect(written).toHaveLength(5);
    for (const text of written)
      expect(text.replace("\r", "").replace("\u001b[K", "").length).toBeLessThanOrEqual(19);
    expect(written.at(-1)).toBe("\r\u001b[K");
  });

  it("draws nothing where there is no terminal", () => {
    expect(() => createProgress([file(0, 1)], undefined, () => 0).show(1)).not.toThrow();
  });
});
