import type { ClientAddress } from "./client-address.ts";
import type { JsonBody } from "./json-body.ts";
import type { McpMessage } from "./mcp-message.ts";
import type { Claims } from "./token-verifier.ts";

/** What key parts read of a request. */
export interface RequestFacts {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly address: ClientAddress | undefined;
  /** Where the edge saw the request come from. */
  readonly edge: EdgeFacts;
  /** What a verified token says, nothing without one. Undefined: nobody has looked yet. */
  readonly claims?: Claims | undefined;
  /** The body, as JSON and as a message of MCP. Undefined: nobody has looked yet. */
  readonly body?: { readonly json: JsonBody; readonly message: McpMessage } | undefined;
}

/** What takes work to know of a request: to verify its token, or to read its body. */
export type Need = "token" | "body";

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
