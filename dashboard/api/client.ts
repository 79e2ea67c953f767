import type { Configuration, KeyState, Snapshot } from "./answers.ts";

/** Part to value, in clear: `{ "header:x-user-id": "alice" }`. */
export type KeyParts = Readonly<Record<string, string>>;

/** One key of one policy: by its parts, or by its digest where only that is known. */
export type Target = { readonly policy: string } & ({ readonly key: KeyParts } | { readonly digest: string });

export interface Override {
  /** A number, or a text such as `100/minute, 1000/hour`. 0 blocks the key. */
  readonly limit: number | string;
  /** ISO 8601. */
  readonly until: string;
}

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: Failure };

export type Failure =
  | { readonly kind: "unauthorized" }
  | { readonly kind: "throttled"; readonly retryAfterSeconds: number }
  /** No answer of Weir's: `detail` is a sentence. */
  | { readonly kind: "unreachable"; readonly detail: string }
  | {
      readonly kind: "refused";
      readonly status: number;
      readonly detail: string;
      readonly hints: readonly string[];
    };

/** The administration routes, with the token of one operator. Never rejects. */
export interface Client {
  snapshot(): Promise<Outcome<Snapshot>>;
  policies(): Promise<Outcome<Configuration>>;
  lookup(key: KeyParts): Promise<Outcome<{ readonly keys: readonly KeyState[] }>>;
  peek(target: Target): Promise<Outcome<KeyState>>;
  reset(target: Target): Promise<Outcome<KeyState>>;
  override(target: Target, override: Override): Promise<Outcome<KeyState>>;
  /** Ends an override or block. */
  lift(target: Target): Promise<Outcome<KeyState>>;
}

const TIMEOUT_MS = 10_000;
/** What a header can have. A password field's dots, pasted, are no token, and nothing to do with the network. */
const SENDABLE = /^[\x21-\xff]*$/;

/**
 * @param base URL of the folder that the routes are in, with a slash at its end
 */
export function createClient(base: string, token: string, send: typeof fetch = fetch): Client {
  async function ask<T>(method: string, route: string, body?: object): Promise<Outcome<T>> {
    if (!SENDABLE.test(token)) return failed({ kind: "unauthorized" });
    try {
      const response = await send(base + route, {
        method,
        headers: {
          Authorization: `Bearer ${token}`,
          ...(body && { "Content-Type": "application/json" }),
        },
        ...(body && { body: JSON.stringify(body) }),
        cache: "no-store",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      return response.ok
        ? { ok: true, value: (await response.json()) as T }
        : failed(await failureOf(response));
    } catch (error) {
      return failed({ kind: "unreachable", detail: whyUnreachable(error) });
    }
  }
  return {
    snapshot: () => ask("GET", "snapshot"),
    policies: () => ask("GET", "policies"),
    lookup: (key) => ask("POST", "lookup", { key }),
    peek: (target) => ask("POST", "peek", target),
    reset: (target) => ask("POST", "reset", target),
    override: (target, override) => ask("PUT", "overrides", { ...target, ...override }),
    lift: (target) => ask("DELETE", "overrides", target),
  };
}

const failed = (failure: Failure): Outcome<never> => ({ ok: false, failure });

function whyUnreachable(error: unknown): string {
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return `Weir did not answer within ${TIMEOUT_MS / 1_000} seconds.`;
  }
  return error instanceof SyntaxError ? "The answer is not Weir's." : "Weir cannot be reached.";
}

interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly problems?: readonly { readonly path: string; readonly problem: string; readonly hint?: string }[];
}

async function failureOf(response: Response): Promise<Failure> {
  if (response.status === 401) return { kind: "unauthorized" };
  if (response.status === 429) {
    return { kind: "throttled", retryAfterSeconds: Number(response.headers.get("Retry-After")) || 60 };
  }
  const problem = (await response.json().catch(() => ({}))) as Problem;
  const hints = (problem.problems ?? []).map(
    ({ path, problem, hint }) => `${path}: ${problem}${hint === undefined ? "" : ` (${hint})`}`,
  );
  const detail = problem.detail ?? problem.title ?? `Weir answered with status ${response.status}.`;
  return { kind: "refused", status: response.status, detail, hints };
}
