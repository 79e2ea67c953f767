import { type Problem, problemResponse } from "./problem.ts";

/** Sends a request to the origin and returns its answer, both streaming. */
export type Forward = (request: Request) => Promise<Response>;

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
  return async (request) => {
    const outgoing = originRequest(request, origin.baseUrl, kept);
    try {
      return await origin.fetch(outgoing);
    } catch (error) {
      return problemResponse(originProblem(error));
    }
  };
}

function originRequest(request: Request, baseUrl: string | undefined, kept: ReadonlySet<string>): Request {
  const [, scheme = "", host = "", rest = ""] = /^(\w+):\/\/([^/?#]*)(.*)$/.exec(request.url) ?? [];
  // As strings: `new URL("//host/x", origin)` would leave the origin.
  const target = baseUrl === undefined ? request.url : baseUrl + rest;
  const outgoing = new Request(target, request);
  const { headers } = outgoing;
  const named = headers.get("connection")?.toLowerCase().split(",") ?? [];
  for (const name of named.map((field) => field.trim())) {
    if (name !== "upgrade" && /^[\w!#$%&'*+.^`|~-]+$/.test(name) && !kept.has(name)) headers.delete(name);
  }
  for (const name of HOP_BY_HOP) headers.delete(name);
  if (headers.get("upgrade")?.toLowerCase() !== "websocket") headers.delete("upgrade");
  setForwarded(headers, scheme, host);
  return outgoing;
}

function setForwarded(headers: Headers, scheme: string, host: string): void {
  const client = headers.get("cf-connecting-ip");
  const chain = headers.get("x-forwarded-for");
  if (client && chain?.split(",").at(-1)?.trim() !== client) {
    headers.set("X-Forwarded-For", chain ? `${chain}, ${client}` : client);
  }
  headers.set("X-Forwarded-Proto", scheme);
  headers.set("X-Forwarded-Host", host);
}

function originProblem(error: unknown): Problem {
  const isTimeout =
    error instanceof Error && (error.name === "TimeoutError" || /timed? ?out/i.test(error.message));
  return { kind: isTimeout ? "origin-timeout" : "origin-unreachable" };
}
