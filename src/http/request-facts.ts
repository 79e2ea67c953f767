import type { ReadAddress } from "../key/client-address.ts";
import type { EdgeFacts, RequestFacts } from "../key/request-facts.ts";
import type { RequestLine } from "../policy/match.ts";
import { pathForms } from "../policy/path-forms.ts";

/** Everything that policies and keys read of a request. */
export interface Incoming extends RequestLine, RequestFacts {}

export function readRequest(request: Request, url: URL, readAddress: ReadAddress): Incoming {
  const { method, headers } = request;
  return {
    method: method.toUpperCase(),
    url,
    host: url.host,
    sentPath: url.pathname,
    paths: pathForms(url.pathname),
    isPreflight: method === "OPTIONS" && headers.has("access-control-request-method"),
    headers,
    address: readAddress(headers),
    // Only where it is asked for: the runtime makes it anew for each request.
    get edge() {
      return (request.cf ?? {}) as EdgeFacts;
    },
  };
}

/** Whether a request opens a WebSocket. */
export const isSocketUpgrade = ({ method, headers }: Request): boolean =>
  method === "GET" && headers.get("upgrade")?.toLowerCase() === "websocket";
