const WEIR_VARIABLES = [
  "STORE",
  "NAMESPACE",
  "POLICIES",
  "MODE",
  "ON_STORE_ERROR",
  "STORE_TIMEOUT",
  "CLIENT_IP",
  "IPV6_PREFIX",
  "EXEMPT",
  "ALLOW",
  "DENY",
  "HEADERS",
  "RETRY_JITTER",
  "KEY_SECRET",
  "JURISDICTION",
  "UPSTASH_REDIS_REST_URL",
  "UPSTASH_REDIS_REST_TOKEN",
];

// LIMIT_CHAT_USER, POLICIES_2 and the like: families of names that no list can spell out.
const WEIR_FAMILIES = /^(LIMIT_\w+|(POLICIES|EXEMPT|ALLOW|DENY)_\d+)$/;

/** Weir's own variables among those of a shell, empty ones too: `EXEMPT=` says that nothing is exempt. */
export function weirVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  const own = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && (WEIR_VARIABLES.includes(entry[0]) || WEIR_FAMILIES.test(entry[0])),
  );
  return Object.fromEntries(own);
}
