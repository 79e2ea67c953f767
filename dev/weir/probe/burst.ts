import type { AdvertisedQuota, Answer } from "./answer.ts";
import { type Finding, failed, passed } from "./finding.ts";

/** Requests beyond what remains. */
export const BEYOND = 3;

/** Whether a burst in parallel admitted exactly what a quota had left before. */
export function checkBurst(
  { name, remaining, limit, windowSeconds, moreRoomSeconds }: AdvertisedQuota,
  answers: readonly Answer[],
): Finding {
  const check = "concurrency";
  const admitted = answers.filter(({ status }) => status !== 429 && status !== 503).length;
  const unavailable = answers.filter(({ status }) => status === 503).length;
  if (unavailable > 0) return failed(check, `${unavailable} of ${answers.length} were answered 503`);
  const seconds = (lastOf(answers) - firstOf(answers)) / 1_000;
  // Room that came back while the burst lasted, and one more for what was under way.
  const comesBack = seconds + 1 >= moreRoomSeconds && windowSeconds !== undefined;
  const most = remaining + (comesBack ? Math.ceil((seconds * limit) / windowSeconds) + 1 : 0);
  const told = `${answers.length} at once with ${remaining} left of "${name}": ${admitted} admitted`;
  if (admitted > most) return failed(check, `${told}, too many`);
  if (admitted < remaining)
    return failed(check, `${told}, fewer than promised (or somebody else called from here)`);
  return passed(check, told);
}

const firstOf = (answers: readonly Answer[]): number => Math.min(...answers.map(({ sentMs }) => sentMs));
const lastOf = (answers: readonly Answer[]): number =>
  Math.max(...answers.map(({ answeredMs }) => answeredMs));
