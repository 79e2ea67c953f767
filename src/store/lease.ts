import type { Ahead, Decision } from "../limit/charge.ts";
import type { Quota } from "../limit/quota.ts";
import { HeldPermits } from "./held-permits.ts";
import { LeasePlan } from "./lease-plan.ts";
import type { StoreCharge } from "./store.ts";

/** A call of the store that brings more than its own cost. */
export interface LeaseCall {
  /** Whether the store answered it. */
  readonly done: Promise<boolean>;
  isOver: boolean;
  /** Units that requests wait for, in the hope that it brings them. Of a request that died they stay until the next call. */
  waiting: number;
}

/** What the store decided of a charge. */
export interface Decided {
  /** As it was asked for. */
  readonly charge: StoreCharge;
  readonly decision: Decision;
  readonly isCounted: boolean;
  /** How much of the cost is for later use, like permits. */
  readonly forLater: number;
  readonly askedMs: number;
}

/** How long the store is left alone after it did not answer, and at most after it did not so again and again. */
const REST_MS = 1_000;
const MAX_REST_MS = 5_000;

/** What this isolate holds of one quota of one key. */
export class Lease {
  readonly plan: LeasePlan;
  readonly held = new HeldPermits();
  /** The newest, also when it is over. */
  call: LeaseCall | undefined;
  #decision: Decision | undefined;
  #decidedMs = 0;
  /** When what was answered last had been asked. */
  #answeredMs = 0;
  #restUntilMs = 0;
  #failures = 0;

  constructor(quota: Quota) {
    this.plan = new LeasePlan(quota);
  }

  get isAsking(): boolean {
    return this.call?.isOver === false;
  }

  /** Whether it is time to ask for more in the background. */
  isDue(nowMs: number): boolean {
    if (this.isAsking || nowMs < this.#restUntilMs) return false;
    return this.plan.isShort(this.held.held(nowMs), nowMs) && this.ahead(nowMs) !== undefined;
  }

  /** What to take beyond a cost. Nothing while another call already brings it. */
  ahead(nowMs: number): Ahead | undefined {
    if (this.isAsking) return undefined;
    return this.plan.ahead(this.held.held(nowMs), this.call?.waiting ?? 0, nowMs);
  }

  /** Puts in hand what a decision brought. */
  decided({ charge, decision, isCounted, forLater, askedMs }: Decided, nowMs: number): void {
    const { permits = 0 } = decision;
    this.#failures = 0;
    this.plan.answered(decision, isCounted ? charge.cost + permits : 0, askedMs, nowMs);
    this.#decision = decision;
    this.#decidedMs = nowMs;
    this.#answeredMs = askedMs;
    const units = permits + forLater;
    if (!isCounted || !charge.ahead || units === 0) return;
    this.held.add({ askedMs, untilMs: this.plan.endMs(askedMs, charge.ahead), units });
  }

  /** Nobody decided. That says nothing any more once something was answered that was asked later. */
  failed(askedMs: number, nowMs: number, random: number): void {
    if (askedMs < this.#answeredMs || this.isResting(nowMs)) return;
    this.#failures += 1;
    const restMs = Math.min(MAX_REST_MS, REST_MS * 2 ** (this.#failures - 2));
    this.#restUntilMs = nowMs + (restMs * (1 + random)) / 2;
  }

  /** Whether the newest call that came to an end was not answered. */
  get isInDoubt(): boolean {
    return this.#failures > 0;
  }

  /** Whether the store is left alone: it did not answer twice in a row. */
  isResting(nowMs: number): boolean {
    return this.#failures > 1 && nowMs < this.#restUntilMs;
  }

  /** What is sure of something that was paid with what is in hand, by what the store said last. */
  standing(nowMs: number): Decision {
    const { moreRoomMs = 0, resetMs = 0, nowMs: thenMs = 0, limit } = this.#decision ?? {};
    const ageMs = nowMs - this.#decidedMs;
    return {
      allowed: true,
      retryAfterMs: 0,
      remaining: this.held.held(nowMs),
      moreRoomMs: Math.max(0, moreRoomMs - ageMs),
      resetMs: Math.max(0, resetMs - ageMs),
      nowMs: thenMs + ageMs,
      ...(limit !== undefined && { limit }),
    };
  }
}
