import { VARIABLES } from "../src/config/variables-schema.ts";

/** What `npm start` sets itself, or what only a binding can be. */
const NOT_HANDED_ON = ["ORIGIN", "ORIGIN_SERVICE"];

// LIMIT_CHAT_USER, POLICIES_2 and the like: families of names that no list can spell out.
const WEIR_FAMILIES = /^(LIMIT_\w+|(POLICIES|EXEMPT|ALLOW|DENY)_\d+)$/;

/** Weir's own variables among those of a shell, empty ones too: `EXEMPT=` says that nothing is exempt. */
export function weirVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  const own = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && isHandedOn(entry[0]),
  );
  return Object.fromEntries(own);
}

function isHandedOn(name: string): boolean {
  return WEIR_FAMILIES.test(name) || (VARIABLES.includes(name) && !NOT_HANDED_ON.includes(name));
}
