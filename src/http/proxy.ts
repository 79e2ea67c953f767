import { type Problem, problemResponse } from "./problem.ts";
import { isSocketUpgrade } from "./request-facts.ts";

/** Sends a request to the origin and returns its answer, both streaming. It is broken off when `leaves` aborts. */
export type Forward = (request: Request, url: URL, leaves?: AbortSignal) => Promise<Response>;

/** Where requests go. `baseUrl` is undefined when a request's own URL leads there. */
export interface OriginTarget {
  readonly baseUrl: string | undefined;
  fetch(request: Request): Promise<Response>;
}

/** Fields that speak of one connection (RFC 9110 section 7.6.1). */
const HOP_BY_HOP = ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"];

/**
 * Forwards requests with the fields a good proxy sets. A field that the client named in `Connection` is
 * dropped unless it is one of `kept`: else a client could take away what it is told apart by.
 */
export function createForward(origin: OriginTarget, kept: ReadonlySet<string>): Forward {
  return async (request, url, leaves) => {
    const outgoing = originRequest(request, url, origin.baseUrl, kept);
    try {
      const response = await origin.fetch(leaves ? breakable(outgoing, leaves) : outgoing);
      // Nothing can be made of a status outside HTTP (RFC 9110 section 15).
      return response.status > 599 ? problemResponse({ kind: "origin-unreachable" }) : response;
    } catch (error) {
      return problemResponse(originProblem(error));
    }
  };
}

/** The runtime only heeds a signal that is not a request's own. */
function breakable(request: Request, leaves: AbortSignal): Request {
  return new Request(request, { signal: AbortSignal.any([request.signal, leaves]) });
}

function originRequest(
  request: Request,
  url: URL,
  baseUrl: string | undefined,
  kept: ReadonlySet<string>,
): Request {
  // As strings: `new URL("//host/x", origin)` would leave the origin. From the URL that policies were matched with.
  const target = baseUrl === undefined ? request.url : baseUrl + url.href.slice(url.origin.length);
  const outgoing = new Request(target, request);
  const { headers } = outgoing;
  const named = headers.get("connection")?.toLowerCase().split(",") ?? [];
  for (const name of named.map((field) => field.trim())) {
    if (name !== "upgrade" && /^[\w!#$%&'*+.^`|~-]+$/.test(name) && !kept.has(name)) headers.delete(name);
  }
  for (const name of HOP_BY_HOP) headers.delete(name);
  if (!isSocketUpgrade(request)) headers.delete("upgrade");
  setForwarded(headers, url);
  return outgoing;
}

function setForwarded(headers: Headers, url: URL): void {
  const client = headers.get("cf-connecting-ip");
  const chain = headers.get("x-forwarded-for");
  if (client && chain?.split(",").at(-1)?.trim() !== client) {
    headers.set("X-Forwarded-For", chain ? `${chain}, ${client}` : client);
  }
  headers.set("X-Forwarded-Proto", url.protocol.slice(0, -1));
  headers.set("X-Forwarded-Host", url.host);
}

function originProblem(error: unknown): Problem {
  const isTimeout =
    error instanceof Error && (error.name === "TimeoutError" || /timed? ?out/i.test(error.message));
  return { kind: isTimeout ? "origin-timeout" : "origin-unreachable" };
}
