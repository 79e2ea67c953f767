import type { Charge } from "../src/limit/charge.ts";
import type { StoreCharge, TakeAnswer } from "../src/store/store.ts";
import type { Isolate, RequestScope } from "./isolate.ts";

/** One call to a store, as seen from outside. */
export interface Call {
  readonly id: number;
  /** Whose code made it; undefined for what nobody's request did. */
  readonly request: SimulatedRequest | undefined;
  /** Else it settles. */
  readonly isTake: boolean;
  readonly charges: readonly Charge[];
  /** True time. */
  readonly begunMs: number;
  /** When the store decided, by its clock. */
  decidedMs?: number;
  /** Its reply has reached the isolate. */
  isAnswered: boolean;
}

/** One request of the traffic, and all that is known of it. */
export interface SimulatedRequest {
  readonly id: number;
  readonly isolate: Isolate;
  readonly scope: RequestScope;
  readonly charges: readonly StoreCharge[];
  readonly startMs: number;
  readonly calls: Call[];
  /** Something on its way went wrong, so that what it was charged may stand. */
  isDisturbed: boolean;
  /** Its client left before it was answered. */
  hasLeft: boolean;
  answer?: TakeAnswer;
}
