import type { Address } from "./client-address.ts";

/** What key parts read of a request. */
export interface RequestFacts {
  readonly method: string;
  readonly url: URL;
  /** The path in the form that policies are matched against. */
  readonly path: string;
  readonly headers: Headers;
  readonly address: Address | undefined;
  /** Where the edge saw the request come from. */
  readonly edge: EdgeFacts;
}

export interface EdgeFacts {
  readonly country?: string | undefined;
  readonly asn?: number | undefined;
  readonly colo?: string | undefined;
}
