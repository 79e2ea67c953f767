import type { Incoming } from "../http/request-facts.ts";

/** Answers a request to one of Weir's own paths. Rejects with `Unavailable` when something it needs does not answer. */
export type Handler = (request: Request, incoming: Incoming) => Response | Promise<Response>;

/** Who may ask: anyone; anyone, where operators can sign in; or only operators. */
export type Access = "anyone" | "page" | "operator";

export interface Route {
  readonly access: Access;
  /** GET answers HEAD as well. */
  readonly methods: Readonly<Record<string, Handler>>;
}

/** By the path as it was sent, whole and exact. */
export type Routes = ReadonlyMap<string, Route>;

/** What an operation needs did not answer, or not in time. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}
