import type { Lockout } from "../limit/charge.ts";
import type { Quota } from "../limit/quota.ts";
import type { Cost } from "./cost.ts";
import type { KeyExpression, KeyPart } from "./key-expression.ts";
import type { Network } from "./network.ts";
import type { Pattern } from "./pattern.ts";
import type { StatusRange } from "./statuses.ts";

export const STORES = ["durable-object", "upstash", "local"] as const;
export const MODES = ["off", "shadow", "enforce"] as const;
export const OUTAGE_STEPS = ["local", "open", "closed"] as const;
/** What a policy limits: requests, WebSockets being opened, or the messages that clients send on them. */
export const SUBJECTS = ["request", "connection", "message"] as const;
export const HEADER_FAMILIES = ["ratelimit", "x-ratelimit"] as const;
export const JURISDICTIONS = ["eu", "us"] as const;

export type StoreName = (typeof STORES)[number];
/** In the order of what they do: a policy's mode is never above the global one. */
export type Mode = (typeof MODES)[number];
export type OutageStep = (typeof OUTAGE_STEPS)[number];
export type Subject = (typeof SUBJECTS)[number];
export type HeaderFamily = (typeof HEADER_FAMILIES)[number];
export type Jurisdiction = (typeof JURISDICTIONS)[number];

/** Where requests go: to a URL's server, to a bound Worker, or on as they are (Worker routes). */
export type Origin =
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "service" }
  | { readonly kind: "as-is" };

/** What to read the caller's address from. */
export type ClientIpSource =
  | { readonly kind: "header"; readonly name: string }
  /** The entry of X-Forwarded-For counted from the right, 1 = last. */
  | { readonly kind: "forwarded"; readonly fromRight: number };

/** A quota under its public name, as headers and refusals show it. */
export interface NamedQuota {
  readonly name: string;
  /** Which count it is under a key: policy, algorithm and window. Changing one of these starts afresh. */
  readonly count: string;
  /** The rate in words: `5 requests per minute`. */
  readonly text: string;
  readonly quota: Quota;
}

/** The quotas of a policy: always the same, or chosen by a key part. No quotas: unlimited. */
export type Limits =
  | { readonly kind: "fixed"; readonly quotas: readonly NamedQuota[] }
  | {
      readonly kind: "table";
      readonly by: KeyPart;
      /** By value, trimmed and in lower case. */
      readonly rows: ReadonlyMap<string, readonly NamedQuota[]>;
      readonly rest: readonly NamedQuota[];
      /** The row with the smallest limit per time, for values that could not be read. */
      readonly strictest: readonly NamedQuota[];
    };

export interface Policy {
  readonly name: string;
  readonly match: readonly Pattern[];
  readonly on: Subject;
  readonly key: KeyExpression;
  readonly limits: Limits;
  readonly cost: Cost;
  /** What is reserved while the cost is known only to the response. */
  readonly estimate: number;
  /** Which responses stay charged, the others are refunded; undefined: all. */
  readonly count: readonly StatusRange[] | undefined;
  readonly lockout: Lockout | undefined;
  /** Refused messages in a row after which a socket is closed. */
  readonly strikes: number;
  /** The lower of the policy's own and the global mode. */
  readonly mode: Mode;
  /** Wait for the disk before admitting. */
  readonly durable: boolean;
  /** Let isolates take admissions ahead, to decide most requests without a store call. */
  readonly lease: boolean;
  /** What becomes of a request when the store fails. */
  readonly onError: OutageStep;
}

/** What the policies do at most. */
export const highestMode = (policies: readonly Policy[]): Mode =>
  MODES.findLast((mode) => policies.some((policy) => policy.mode === mode)) ?? "off";

/** What bearer tokens are verified with: a shared secret, or public keys from a URL. */
export type TokenKeys =
  | { readonly kind: "secret"; readonly secret: string }
  | { readonly kind: "key-set"; readonly url: string };

export interface TokenOptions {
  readonly keys: TokenKeys;
  /** What `iss` and `aud` must be; undefined: anything. */
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
}

/** A valid configuration. */
export interface Config {
  readonly origin: Origin;
  readonly store: StoreName;
  readonly namespace: string;
  readonly jurisdiction: Jurisdiction | undefined;
  readonly policies: readonly Policy[];
  readonly clientIp: ClientIpSource;
  readonly ipv6Prefix: number;
  readonly exempt: readonly Pattern[];
  readonly allow: readonly Network[];
  readonly deny: readonly Network[];
  readonly headers: ReadonlySet<HeaderFamily>;
  readonly retryJitter: boolean;
  readonly keySecret: string | undefined;
  /** Undefined: no token is ever looked at. */
  readonly tokens: TokenOptions | undefined;
  /** The longest that a request waits for its stores and key endpoints together, milliseconds. */
  readonly storeTimeoutMs: number;
  /** Concurrency: how often what is under way is renewed, and how long it counts without, milliseconds. */
  readonly slotRenewMs: number;
  readonly slotExpiryMs: number;
  /** What becomes of a request when Weir fails before it knows its policies. */
  readonly onError: OutageStep;
  /** What operators sign in with; undefined: nobody can. */
  readonly adminToken: string | undefined;
  /** Where Upstash Redis is; undefined when it is not the store. */
  readonly upstash: { readonly url: string; readonly token: string } | undefined;
}
