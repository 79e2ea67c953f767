import type { Charge, Decision } from "../src/limit/charge.ts";
import { hash } from "./random.ts";

/** Something that happened: true time, the key it is about (`-` for none), and what. */
interface Happening {
  readonly atMs: number;
  readonly key: string;
  /** Put into words only when somebody reads it. */
  readonly what: () => string;
}

/** All that happened in a world, in order. */
export interface History {
  note(key: string, what: () => string): void;
  /** The lines about one key, or about all. Times are seconds since the world began. */
  lines(key?: string): string[];
  /** Equal for equal histories. */
  digest(): number;
}

export function createHistory(nowMs: () => number): History {
  const startMs = nowMs();
  const happenings: Happening[] = [];
  const text = ({ atMs, key, what }: Happening) =>
    `${((atMs - startMs) / 1_000).toFixed(3)} ${key} ${what()}`;
  return {
    note(key, what) {
      happenings.push({ atMs: nowMs(), key, what });
    },
    lines(key) {
      return happenings.filter((one) => key === undefined || one.key === key || one.key === "-").map(text);
    },
    digest: () => happenings.reduce((sum, one) => hash(text(one), sum), 0),
  };
}

/** What a charge asked for and got, for a line of history. */
export function chargeText({ count, cost, ahead }: Charge, decision: Decision): string {
  const { allowed, remaining, retryAfterMs, permits = 0 } = decision;
  const wanted = ahead ? ` and ${ahead.units} for ${ahead.holdMs} ms` : "";
  const answer = allowed ? `yes and ${permits}` : `no, ${retryAfterMs} ms`;
  return `${count} ${cost}${wanted}? ${answer}, ${remaining} remain`;
}
