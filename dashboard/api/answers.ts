/** What the administration routes answer, as docs/administration.md and /_weir/openapi.json describe it. */

export type Mode = "enforce" | "shadow" | "off";

/** `GET policies`. */
export interface Configuration {
  readonly mode: Mode;
  readonly store: string;
  readonly fingerprint: string;
  readonly policies: readonly Policy[];
}

export interface Policy {
  readonly name: string;
  readonly mode: Mode;
  /** Absent where nothing is counted over time. */
  readonly algorithm?: string;
  readonly on: string;
  readonly match: readonly string[];
  /** The key expression as it is configured, and the parts in it. */
  readonly key: string;
  readonly parts: readonly string[];
  readonly limits?: readonly Limit[];
  readonly table?: { readonly by: string; readonly rows: Readonly<Record<string, readonly Limit[]>> };
  readonly on_store_error?: string;
  readonly lease?: boolean;
  readonly lockout?: string;
}

export interface Limit {
  readonly name: string;
  readonly limit: number;
  /** Absent for what is counted at the same time. */
  readonly window_seconds?: number;
}

/** `GET snapshot`. */
export interface Snapshot {
  /** ISO 8601, by the Worker's clock. */
  readonly at: string;
  readonly connections: number;
  /** Oldest first; minutes in which nothing happened are missing. */
  readonly minutes: readonly Minute[];
  readonly policies: readonly PolicyTraffic[];
  readonly store: StoreHealth;
}

/** Whole requests by what became of them. */
export interface Minute {
  readonly at: string;
  readonly allowed: number;
  readonly refused: number;
  readonly degraded: number;
  readonly unavailable: number;
  readonly unlimited: number;
  readonly denied: number;
}

export interface PolicyTraffic {
  readonly name: string;
  readonly last_hour: PolicyCounts;
  /** Decisions, over the last five minutes. */
  readonly per_minute: number;
  readonly top_refused: readonly RefusedKey[];
}

export interface PolicyCounts {
  readonly allowed: number;
  readonly refused: number;
  readonly shadow_refused: number;
  readonly degraded: number;
  readonly near_limit: number;
  readonly lockouts: number;
}

export interface RefusedKey {
  /** A digest. */
  readonly key: string;
  /** Too high by at most `error`. */
  readonly refusals: number;
  readonly error: number;
}

/** Of the last five minutes. The times are null without any call. */
export interface StoreHealth {
  readonly kind: string;
  readonly calls: number;
  readonly errors: number;
  readonly p50_ms: number | null;
  readonly p95_ms: number | null;
  readonly p99_ms: number | null;
  readonly open_breakers: number;
  readonly without_call: number;
}

/** How a key stands under one policy. */
export interface KeyState {
  readonly policy: string;
  /** A digest. */
  readonly key: string;
  readonly mode: Mode;
  readonly states: readonly QuotaState[];
  readonly locked_out_seconds: number;
}

export interface QuotaState extends Limit {
  readonly remaining: number;
  readonly reset_seconds: number;
  /** Only when nothing remains. */
  readonly retry_after_seconds?: number;
  /** ISO 8601; only when another limit than the configured one is in force. */
  readonly overridden_until?: string;
  readonly configured_limit?: number;
}
