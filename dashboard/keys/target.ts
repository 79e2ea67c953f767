import type { KeyState, Policy } from "../api/answers.ts";
import type { KeyParts, Target } from "../api/client.ts";
import { enumerated } from "../text/lists.ts";

/** The parts of all policies that an operator can give a value for, each once. */
export function askableParts(policies: readonly Policy[]): string[] {
  return [...new Set(policies.flatMap(partsOf))].filter((part) => part !== "global");
}

const partsOf = ({ parts, table }: Policy): readonly string[] => (table ? [...parts, table.by] : parts);

/**
 * The key that a policy's state is of. By what was looked up as far as the policy asks for it, because a digest says nothing
 * of the row that a table chose; by its digest where nothing was.
 */
export function targetOf(state: KeyState, policy: Policy | undefined, given: KeyParts | undefined): Target {
  if (!given || !policy) return { policy: state.policy, digest: state.key };
  const wanted = partsOf(policy);
  const key = Object.fromEntries(Object.entries(given).filter(([part]) => wanted.includes(part)));
  return { policy: state.policy, key };
}

/**
 * Says which policies a look-up could not ask, and what it would have to be given for that: the refusal may be one of theirs.
 * Empty when all were asked.
 */
export function notAsked(policies: readonly Policy[], found: readonly KeyState[], given: KeyParts): string {
  const missed = policies.filter(
    ({ name, mode }) => mode === "enforce" && found.every(({ policy }) => policy !== name),
  );
  const wanted = askableParts(missed).filter((part) => !(part in given));
  if (missed.length === 0 || wanted.length === 0) return "";
  return `Not asked: ${enumerated(missed.map(({ name }) => name))}. Add a part to ask more: ${enumerated(wanted)}.`;
}
