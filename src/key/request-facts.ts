import type { Address } from "./client-address.ts";

/** What key parts read of a request. */
export interface RequestFacts {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly address: Address | undefined;
  /** Where the edge saw the request come from. */
  readonly edge: EdgeFacts;
}

/** The path of a request, as a policy matched it. */
export interface PathFacts {
  /** In the form that the policy matched. */
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
}

export interface EdgeFacts {
  readonly country?: string | undefined;
  readonly asn?: number | undefined;
  readonly colo?: string | undefined;
}
