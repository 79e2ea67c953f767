import type { Lockout } from "../limit/charge.ts";
import { parseWindow } from "./rate.ts";
import { bad, ok, type Result } from "./result.ts";

/** A lockout without the policy that it belongs to. */
export type LockoutRule = Omit<Lockout, "id">;

const EXAMPLE = `write it like "15m after 5 in 1m"`;

/** `<duration> after <refusals> in <window>`: `15m after 5 in 1m`, `1 hour after 10 in 5 minutes`. */
export function parseLockout(text: string): Result<LockoutRule> {
  const [, duration, count = "", within] =
    /^(.+?)\s+after\s+(\S+)\s+in\s+(.+)$/.exec(text.trim().toLowerCase()) ?? [];
  if (duration === undefined || within === undefined) return bad(`"${text}" is not a lockout; ${EXAMPLE}`);
  const refusals = Number(count);
  if (!/^\d+$/.test(count) || refusals < 1 || !Number.isSafeInteger(refusals))
    return bad(`"${text}": "${count}" is not a whole number of at least 1; ${EXAMPLE}`);
  const durationMs = parseWindow(duration);
  if (!durationMs.ok) return bad(`"${text}": ${durationMs.problem}`);
  const withinMs = parseWindow(within);
  if (!withinMs.ok) return bad(`"${text}": ${withinMs.problem}`);
  if (Math.max(durationMs.value, refusals * withinMs.value) > MAX_LENGTH_MS)
    return bad(`"${text}" is too large to count exactly`);
  return ok({ refusals, withinMs: withinMs.value, durationMs: durationMs.value });
}

/** Half of what stored times may reach (`MAX_TIME_MS` of limit/): now plus this is still a time. */
const MAX_LENGTH_MS = 2 ** 51;
