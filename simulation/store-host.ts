import type { Charge } from "../src/limit/charge.ts";
import type { Settlement } from "../src/limit/settle.ts";
import type { SettleReply, TakeReply } from "../src/store/counter-protocol.ts";
import type { Serve } from "./network.ts";
import type { SkewedClock } from "./skewed-clock.ts";

/** One machine that keeps counts: an object for one key, or Redis for all. */
export interface StoreHost {
  /** The key it is for, or `-` for all. */
  readonly name: string;
  take(charges: readonly Charge[], tentativeMs: number, callId: number): Serve<TakeReply>;
  settle(settlements: readonly Settlement[], callId: number): Serve<SettleReply>;
  readonly clock: SkewedClock;
  /** Answers nothing for a while, then everything. */
  pause(ms: number): void;
  /** What it was doing fails; what it has stored stays. */
  restart(): void;
  /** How many values it stores. */
  stored(): number;
}

/** Hears of everything a store counts, in the instant it does. */
export interface Witness {
  /** Returns what a crash has to undo when it forgets this. */
  decided(callId: number, charges: readonly Charge[], reply: TakeReply, host: StoreHost): () => void;
  settled(callId: number, settlements: readonly Settlement[], host: StoreHost): () => void;
  /** An object goes on from what it has stored. */
  lostMemory(key: string): void;
  /** What is stored has been written in a turn that refused everything. */
  wroteRefusal(charges: readonly Charge[]): void;
}
