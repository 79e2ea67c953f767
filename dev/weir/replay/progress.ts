import type { LogFile } from "../log/lines.ts";
import type { Terminal } from "../terminal.ts";

const INTERVAL_MS = 200;
const BAR_WIDTH = 24;

export interface Progress {
  /** Draws when it is time to. */
  show(lines: number): void;
  /** Takes the bar away. */
  end(): void;
}

/** A bar with rate and time left, on a terminal only. `now` in milliseconds. */
export function createProgress(
  files: readonly LogFile[],
  live: Terminal["live"],
  now: () => number,
): Progress {
  if (!live) return { show() {}, end() {} };
  const startedMs = now();
  let nextMs = startedMs + INTERVAL_MS;
  return {
    show(lines) {
      const nowMs = now();
      if (nowMs < nextMs) return;
      nextMs = nowMs + INTERVAL_MS;
      const text = progressText(files, lines, nowMs - startedMs);
      live.write(`\r${text.slice(0, Math.max(0, live.columns - 1))}\u001b[K`);
    },
    end: () => live.write("\r\u001b[K"),
  };
}

/** What the bar says. Without a known size, as of standard input, there is no bar and no time left. */
export function progressText(files: readonly LogFile[], lines: number, elapsedMs: number): string {
  const rate = `${thousands(lines)} lines, ${thousands((lines * 1_000) / Math.max(1, elapsedMs))}/s`;
  const read = files.reduce((sum, file) => sum + file.bytesRead(), 0);
  const total = files.reduce((sum, { bytes }) => sum + (bytes ?? Number.NaN), 0);
  if (!(total > 0)) return rate;
  const done = Math.min(1, read / total);
  const filled = Math.round(done * BAR_WIDTH);
  const bar = `${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)}`;
  const left = done > 0 ? `, ${duration((elapsedMs / done) * (1 - done))} left` : "";
  return `${bar} ${Math.floor(done * 100)} %  ${rate}${left}`;
}

const thousands = (count: number): string => Math.round(count).toLocaleString("en-US");

function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
