import type { Ahead, Decision } from "../limit/charge.ts";
import type { Quota } from "../limit/quota.ts";
import { MAX_HOLD_SHARE } from "../limit/sliding-window.ts";
import { Pace } from "./pace.ts";

/** How long permits are held, as a part of a window at least, and in milliseconds at most and at least. */
const SHORTEST_SHARE = 1 / 60;
const LONGEST_MS = 10_000;
const SHORTEST_MS = 200;
/** In shorter windows holding would cost too much. */
const MIN_WINDOW_MS = 4_000;
/** Held for at least as long as so many calls take: else they are hardly in hand before they end. */
const CALLS_PER_HOLD = 8;
/** What all holders of a key together may ask of its object in a second. */
const CALLS_PER_SECOND = 300;
/** Not used in the last moments: by the store's clock they may be over. */
const SPARE_MS = 100;
/** The part of what the pace needs that is asked for, so that hardly any comes to its end unused, and of a limit at most. */
const USED_SHARE = 0.85;
const MAX_LIMIT_SHARE = 1 / 20;
/** How long a pace is remembered, and how long one is taken to be that has just begun. */
const PACE_MS = 5_000;
const NEW_PACE_MS = 1_000;
/** In multiples of what was used in that time: a few requests are no pace yet. */
const MAX_GROWTH = 4;
/** Asked for again when what is in hand lasts no longer than a call and a half, and this. */
const LEAD_MS = 50;

/** What one isolate takes ahead of one quota of one key: by its own pace, and by how many others hold some. */
export class LeasePlan {
  readonly #quota: Quota;
  /** What is let through. */
  readonly #pace = new Pace(PACE_MS, NEW_PACE_MS);
  /** What the store has counted for this isolate in about the last window. */
  readonly #counted: Pace;
  /** Isolates that use the key, estimated by how much more is used than this one was given. */
  #holders = 1;
  #callMs = 0;

  constructor(quota: Quota) {
    this.#quota = quota;
    this.#counted = new Pace(quota.windowMs);
  }

  /** Whether permits of a quota can be held at all. */
  static isFor({ algorithm, windowMs }: Quota): boolean {
    return algorithm === "sliding-window" && windowMs >= MIN_WINDOW_MS;
  }

  /** Something was let through. */
  note(units: number, nowMs: number): void {
    this.#pace.note(units, nowMs);
  }

  /** The store decided. @param counted units that it counted for this isolate */
  answered(
    { remaining, limit = this.#quota.limit }: Decision,
    counted: number,
    askedMs: number,
    nowMs: number,
  ): void {
    this.#callMs = Math.max(0, nowMs - askedMs);
    this.#counted.note(counted, nowMs);
    const used = limit - remaining;
    this.#holders = Math.max(1, used / Math.max(1, this.#counted.units(nowMs)));
  }

  /**
   * How long a refusal is believed, milliseconds from asking: as long as it lasts, and so long that all who hold
   * some do not come back at once.
   *
   * @param random from 0 up to 1
   */
  refused({ retryAfterMs, remaining }: Decision, random: number, askedMs: number): number {
    const turnMs = Math.min(LONGEST_MS, ((this.#holders - 1) * 1_000) / CALLS_PER_SECOND);
    const believedMs = retryAfterMs + Math.ceil((turnMs * (1 + random)) / 2);
    // What was refused for its size alone keeps nobody else waiting.
    if (remaining === 0) this.#pace.pause(askedMs, askedMs + Math.min(believedMs, LONGEST_MS));
    return believedMs;
  }

  /** What to take beyond a cost; undefined when it would hardly be used. @param waiting units that are waited for */
  ahead(held: number, waiting: number, nowMs: number): Ahead | undefined {
    const holdMs = this.#holdMs();
    const likely = (this.#pace.perSecond(nowMs) * (holdMs - SPARE_MS) * USED_SHARE) / 1_000 - held;
    const most = Math.min(this.#quota.limit * MAX_LIMIT_SHARE, this.#pace.units(nowMs) * MAX_GROWTH);
    const units = Math.floor(Math.max(waiting, Math.min(likely, most)));
    return units >= 1 ? { units, holdMs } : undefined;
  }

  /** Until when what was asked for at an instant may be used. */
  endMs(askedMs: number, { holdMs }: Ahead): number {
    return askedMs + holdMs - SPARE_MS;
  }

  /** Whether what is held will not last until a call is answered. */
  isShort(held: number, nowMs: number): boolean {
    return held * 1_000 < this.#pace.perSecond(nowMs) * (this.#callMs * 1.5 + LEAD_MS);
  }

  #holdMs(): number {
    const { windowMs } = this.#quota;
    const turnMs = (this.#holders * 1_000) / CALLS_PER_SECOND;
    const shortest = Math.max(windowMs * SHORTEST_SHARE, SHORTEST_MS, this.#callMs * CALLS_PER_HOLD, turnMs);
    return Math.floor(Math.min(shortest, windowMs * MAX_HOLD_SHARE, LONGEST_MS));
  }
}
