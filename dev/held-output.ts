import type { Readable } from "node:stream";
import { stripVTControlCharacters } from "node:util";

export type HeldOutput = {
  /** What has come so far, without colours. */
  text: () => string;
  /** From now on everything passes straight through. */
  passThrough: () => void;
  /** From now on nothing is shown or kept: what a process says while it is being ended helps nobody. */
  mute: () => void;
};

/** Keeps what a child process prints until it is known whether anybody needs to see it. */
export function holdOutput(source: Readable, sink: NodeJS.WriteStream): HeldOutput {
  let held = "";
  let state: "holding" | "passing" | "muted" = "holding";
  source.setEncoding("utf8");
  source.on("data", (chunk: string) => {
    if (state === "holding") held += chunk;
    if (state === "passing") sink.write(sink.isTTY ? chunk : stripVTControlCharacters(chunk));
  });
  return {
    text: () => stripVTControlCharacters(held),
    passThrough: () => {
      state = "passing";
    },
    mute: () => {
      state = "muted";
    },
  };
}
