/** Every default of the configuration, as it would be written. */
export const DEFAULTS = {
  STORE: "durable-object",
  NAMESPACE: "weir",
  POLICIES: [{ name: "default", limit: "60/minute" }],
  MODE: "enforce",
  ON_STORE_ERROR: "local",
  STORE_TIMEOUT: "1s",
  CLIENT_IP: "cf-connecting-ip",
  IPV6_PREFIX: 64,
  HEADERS: "ratelimit, x-ratelimit",
  RETRY_JITTER: "off",
  SLOT_RENEW: "60s",
  SLOT_EXPIRY: "180s",
} as const;

/** Every default of a policy, as it would be written. */
export const POLICY_DEFAULTS = {
  match: "/*",
  key: "ip",
  algorithm: "sliding-window",
  cost: 1,
  estimate: 1,
  count: "all",
  on: "request",
  strikes: 10,
  mode: "enforce",
  durable: false,
  lease: false,
} as const;
