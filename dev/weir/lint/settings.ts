import { type Advice, active, type Linted, type Rule } from "./advice.ts";

/** What concerns the whole configuration, or none of its policies in particular. */
export const settings: Rule = (linted) =>
  [noSecret, noEffect, outages, localStore, tokenAudience, clientAddress].flatMap((rule) => rule(linted));

const noSecret: Rule = ({ config }) =>
  config.keySecret !== undefined || config.store === "local"
    ? []
    : [
        {
          rule: "no-key-secret",
          path: "KEY_SECRET",
          what: "it is not set",
          why: "what is stored about callers are then plain digests: whoever reads the store can find IPv4 addresses by trying all of them",
          fix: "npx wrangler secret put KEY_SECRET, with a long random text; tell check by --secret KEY_SECRET once it is set (setting it starts all counts afresh)",
        },
      ];

const noEffect: Rule = ({ config, env }) => {
  const modes = new Set(config.policies.map(({ mode }) => mode));
  if (modes.has("enforce")) return [];
  const path = env.MODE === "off" || env.MODE === "shadow" ? "MODE" : "POLICIES";
  return modes.has("shadow")
    ? [
        {
          rule: "shadow-everywhere",
          path,
          what: "every policy only watches",
          why: "in shadow mode requests are counted and logged, and nothing is ever refused",
          fix: `when the log shows only what should be refused, remove ${path === "MODE" ? "MODE" : `mode = "shadow"`}`,
        },
      ]
    : [
        {
          rule: "off-everywhere",
          path,
          what: "no policy is on",
          why: "nothing is counted or refused",
          fix: `use "shadow" to watch, "enforce" to refuse`,
        },
      ];
};

/** Sockets and messages have defaults of their own, so "closed" is only remarkable of requests. */
const outages: Rule = (linted) => {
  const stepsOn = (...subjects: readonly string[]) =>
    active(linted).flatMap(({ policy }) => (subjects.includes(policy.on) ? [policy.onError] : []));
  const [first] = stepsOn("request");
  if (first === undefined || first === "local") return [];
  const steps = first === "closed" ? stepsOn("request") : stepsOn("request", "connection");
  if (steps.some((step) => step !== first)) return [];
  const path = linted.env.ON_STORE_ERROR === first ? "ON_STORE_ERROR" : "POLICIES";
  return first === "closed"
    ? [
        {
          rule: "closed-everywhere",
          path,
          what: "every limited request is refused while the store is down",
          why: "an outage of the store, or a slow one, becomes an outage of the site",
          fix: `keep "closed" for what must never go uncounted; for the rest "local" limits by each isolate's own count`,
        },
      ]
    : [
        {
          rule: "open-everywhere",
          path,
          what: "nothing is limited while the store is down",
          why: "whoever can make the store slow has no limits any more",
          fix: `"local", the default, goes on limiting by each isolate's own count`,
        },
      ];
};

const localStore: Rule = ({ config }) =>
  config.store !== "local"
    ? []
    : [
        {
          rule: "local-store",
          path: "STORE",
          what: "each isolate counts by itself",
          why: "a deployment runs in many isolates, so a caller may get the limit many times over, and counts end with an isolate",
          fix: `use "durable-object" or "upstash" but for tests and demos`,
        },
      ];

const tokenAudience: Rule = ({ config: { tokens } }: Linted): Advice[] =>
  tokens?.keys.kind !== "key-set" || (tokens.audience !== undefined && tokens.issuer !== undefined)
    ? []
    : [
        {
          rule: "token-audience",
          path: tokens.audience === undefined ? "JWT_AUDIENCE" : "JWT_ISSUER",
          what: "it is not set, so tokens made for other applications are accepted",
          why: "one issuer's keys mostly sign for many applications, and their users would count as yours",
          fix: "set JWT_ISSUER and JWT_AUDIENCE to what your tokens have as iss and aud",
        },
      ];

const clientAddress: Rule = ({ config: { clientIp } }) =>
  clientIp.kind === "header" && ["cf-connecting-ip", "true-client-ip"].includes(clientIp.name)
    ? []
    : [
        {
          rule: "client-address",
          path: "CLIENT_IP",
          what: `addresses are read from ${clientIp.kind === "header" ? clientIp.name : "X-Forwarded-For"}`,
          why: "whoever reaches Weir past the proxy that sets it can write any address there",
          fix: `be sure that nothing but that proxy reaches Weir; "cf-connecting-ip", the default, is Cloudflare's own`,
        },
      ];
