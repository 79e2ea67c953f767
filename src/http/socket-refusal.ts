/** What fits beside the code in a close frame (RFC 6455 section 5.5). The runtime throws on more. */
const MAX_REASON_BYTES = 123;

/**
 * Accepts an upgrade only to close it: a browser can read a close code and its reason, but no status. A client that
 * asked for sub-protocols is given its first one: a browser fails a handshake without, and never shows the code.
 */
export function closedSocket(request: Request, code: number, reason: string): Response {
  const { 0: theirs, 1: ours } = new WebSocketPair();
  ours.accept();
  ours.close(code, shortReason(reason));
  const protocol = request.headers
    .get("sec-websocket-protocol")
    ?.split(",")
    .map((name) => name.trim())
    .find((name) => name !== "");
  const headers = new Headers(protocol === undefined ? {} : { "Sec-WebSocket-Protocol": protocol });
  return new Response(null, { status: 101, webSocket: theirs, headers });
}

/** As much of a reason, in whole characters, as a close frame can hold. */
export function shortReason(reason: string): string {
  const { read } = new TextEncoder().encodeInto(reason, new Uint8Array(MAX_REASON_BYTES));
  return reason.slice(0, read);
}
