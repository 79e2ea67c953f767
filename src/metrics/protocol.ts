import type { Counts } from "./series.ts";
import type { ByPolicy } from "./top-keys.ts";

/** Of batches, reports and what a metrics object stores. A new one is read one release before it is written. */
export const FORMAT = 1;

/** What an isolate counted since its batch before. */
export interface Batch {
  readonly format: typeof FORMAT;
  /** Names the isolate: a random text. */
  readonly isolate: string;
  /** Grows by 1 with each batch. A batch that comes again is known by it, and not counted again. */
  readonly seq: number;
  readonly counts: Counts;
  /** The digests of keys that were refused most, by policy. */
  readonly keys: ByPolicy;
  readonly gauges: Gauges;
}

/** How things stand, in one isolate or in all together. */
export interface Gauges {
  /** WebSockets that are open. */
  readonly sockets: number;
  /** Isolates whose circuit breaker keeps them from asking the store. */
  readonly openBreakers: number;
}

export interface BatchReply {
  /** How many isolates report to the same object: by it each finds its pace. */
  readonly isolates: number;
}

/** What one metrics object knows. */
export interface Report {
  readonly format: typeof FORMAT;
  /** Since it began. */
  readonly counts: Counts;
  readonly gauges: Gauges;
  /** By minute since 1970, of the last hour: minutes in which nothing was counted are missing. */
  readonly minutes: ReadonlyMap<number, Counts>;
  /** Of this half hour and the one before. */
  readonly keys: ByPolicy;
}
