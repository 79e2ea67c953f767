import { resolve } from "node:path";
import type { WorkerOptions } from "../test/support/workerd.ts";
import { answer, type Extra } from "./load.ts";

/** A row of a table, and what its requests are. */
export interface Asked {
  readonly id: string;
  readonly label: string;
  /** What every measured request must be answered with, as `answer` describes it. */
  readonly answer: string;
  /** What its requests have beside what all have. */
  readonly extra?: (caller: number) => Extra | Promise<Extra>;
}

/** A Worker to measure. */
export interface Contestant extends Asked {
  readonly worker: WorkerOptions;
}

/** More than any run sends, over a window that does not end during one. */
export const NEVER_REACHED = "1000000/hour";

/** The least that any Worker in front of an origin costs. */
export const forwardOnly = (origin: string): Contestant => ({
  id: "a",
  label: "forwards only",
  answer: answer(200, 0),
  worker: { script: resolve(import.meta.dirname, "peers/forward.js"), vars: { ORIGIN: origin } },
});
