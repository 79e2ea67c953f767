import type { KeyState, QuotaState } from "../api/answers.ts";
import { timeOfDay } from "../text/durations.ts";

/** What a policy does with a key now, gravest first. */
export const VERDICTS = ["blocked", "locked-out", "refused", "overridden", "room"] as const;
export type Verdict = (typeof VERDICTS)[number];

export const isOverridden = ({ overridden_until }: QuotaState): boolean => overridden_until !== undefined;

export function verdictOf({ states, locked_out_seconds }: KeyState): Verdict {
  if (states.some((state) => isOverridden(state) && state.limit === 0)) return "blocked";
  if (locked_out_seconds > 0) return "locked-out";
  if (states.some(({ remaining }) => remaining === 0)) return "refused";
  return states.some(isOverridden) ? "overridden" : "room";
}

export const refuses = (verdict: Verdict): boolean => verdict !== "room" && verdict !== "overridden";

/** One or two words for a badge. A policy in shadow mode only counts. */
export function verdictText(verdict: Verdict, { mode }: KeyState): string {
  if (mode === "off") return "Policy is off";
  const texts: Record<Verdict, string> = {
    blocked: "Blocked",
    "locked-out": "Locked out",
    refused: "Refused",
    overridden: "Overridden",
    room: "Has room",
  };
  return mode === "shadow" && refuses(verdict) ? `${texts[verdict]} (shadow: only counted)` : texts[verdict];
}

/** Gravest first; equal ones stay in their order. */
export function byGravity<T extends Pick<ReadState, "state">>(keys: readonly T[]): T[] {
  const gravity = ({ state }: T) => VERDICTS.indexOf(verdictOf(state));
  return keys.toSorted((one, other) => gravity(one) - gravity(other));
}

/** A state, and when it was true, epoch milliseconds. */
interface ReadState {
  readonly state: KeyState;
  readonly readAtMs: number;
}

/** Answers "which policy refuses this user?" in a sentence. */
export function lookupSummary(keys: readonly ReadState[]): string {
  if (keys.length === 0) return "No policy has a key made of what you gave.";
  const refusing = byGravity(keys).filter(
    ({ state }) => state.mode === "enforce" && refuses(verdictOf(state)),
  );
  if (refusing.length === 0) {
    return keys.length === 1
      ? `The only policy asked, ${keys[0]?.state.policy}, has room now.`
      : `None of the ${keys.length} policies asked refuses now.`;
  }
  return refusing.map((key) => `${key.state.policy} ${whyRefused(key)}.`).join(" ");
}

/** What follows the policy's name: `refuses this user: next room at 10:31:05`. */
function whyRefused({ state: key, readAtMs }: ReadState): string {
  const verdict = verdictOf(key);
  const at = (seconds: number) => timeOfDay(readAtMs + seconds * 1_000);
  if (verdict === "blocked") return "blocks this user by an override";
  if (verdict === "locked-out") return `has locked this user out until ${at(key.locked_out_seconds)}`;
  const longest = Math.max(...key.states.map(({ retry_after_seconds = 0 }) => retry_after_seconds));
  return `refuses this user: ${longest === 0 ? "nothing is left" : `next room at ${at(longest)}`}`;
}
