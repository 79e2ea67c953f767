/** What fits beside the code in a close frame (RFC 6455 section 5.5). The runtime throws on more. */
const MAX_REASON_BYTES = 123;

/** Stands for a close frame without a code. */
const NO_CODE = 1005;
export const POLICY_VIOLATION = 1008;
export const INTERNAL_ERROR = 1011;
export const TRY_AGAIN_LATER = 1013;
/** What no close frame may carry, besides numbers outside 1000 to 4999 (RFC 6455 section 7.4). */
const UNSENDABLE = [1004, 1006, 1015];

/** What a client is told with the close code. `retryAfter` in seconds; undefined: never. */
export const rateLimited = (retryAfter: number | undefined): string =>
  retryAfter === undefined ? "rate limited" : `rate limited; retry after ${retryAfter}s`;

/**
 * Accepts an upgrade only to close it: a browser can read a close code and its reason, but no status. A client that
 * asked for sub-protocols is given its first one: a browser fails a handshake without, and never shows the code.
 */
export function closedSocket(request: Request, code: number, reason: string): Response {
  const { 0: theirs, 1: ours } = new WebSocketPair();
  ours.accept();
  sendClose(ours, code, reason);
  const names = request.headers.get("sec-websocket-protocol")?.split(",") ?? [];
  const protocol = names.map((name) => name.trim()).find((name) => name !== "");
  const headers = new Headers(protocol === undefined ? {} : { "Sec-WebSocket-Protocol": protocol });
  return new Response(null, { status: 101, webSocket: theirs, headers });
}

/** Sends a close frame like one that has come: without a code for 1005, and with 1011 for a code that none may carry. */
export function sendClose(socket: WebSocket, code: number, reason: string): void {
  if (code === NO_CODE) {
    socket.close();
    return;
  }
  const isSendable = code >= 1000 && code <= 4999 && !UNSENDABLE.includes(code);
  socket.close(isSendable ? code : INTERNAL_ERROR, shortened(reason));
}

/** As much of a reason, in whole characters, as a close frame can hold. */
function shortened(reason: string): string {
  const { read } = new TextEncoder().encodeInto(reason, new Uint8Array(MAX_REASON_BYTES));
  return reason.slice(0, read);
}
