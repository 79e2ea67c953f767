import type { PolicyCharge } from "../key/charges.ts";
import type { Receipt } from "../limit/charge.ts";
import type { Slots } from "../store/slots.ts";
import type { WaitUntil } from "../store/store.ts";
import type { OpenGate } from "./message-gate.ts";
import type { Provisional } from "./outcomes.ts";
import { bridgeSockets } from "./socket-bridge.ts";

export interface UnderWayParts {
  readonly slots: Slots;
  readonly openGate: OpenGate;
  readonly waitUntil: WaitUntil;
  /** Returns what to call when it has closed. */
  readonly socketOpened: () => () => void;
}

/** What a request goes on being charged with after it was admitted. */
export interface Ongoing {
  /** What the response may change the cost of: it has to be waited for then. */
  readonly provisional: readonly Provisional[];
  /** What counts until it is over. */
  readonly held: readonly Receipt[];
  /** What each message of its socket is charged with. */
  readonly messages: readonly PolicyCharge[];
}

/** Forwards a request; when `leaves` aborts, nobody waits for its answer any more. */
type ForwardWhile = (leaves?: AbortSignal) => Promise<Response>;

/**
 * Forwards a request and keeps count of what is under way until its response, or its socket, has ended, or its client has left.
 *
 * @param request its signal aborts when the client has left
 */
export type Attend = (
  ongoing: Ongoing,
  request: Pick<Request, "signal">,
  forward: ForwardWhile,
) => Promise<Response>;

export function createAttend({ slots, openGate, waitUntil, socketOpened }: UnderWayParts): Attend {
  return async ({ provisional, held, messages }, request, forward) => {
    if (held.length === 0 && messages.length === 0) return forward();
    const leaves = request.signal;
    const hold = slots.hold(held);
    leaves.addEventListener("abort", hold.release);
    if (leaves.aborted) hold.release();
    const forwarding = forward(provisional.length === 0 ? leaves : undefined);
    // Else a client that leaves before the answer would take away what gives its slots back.
    waitUntil(forwarding);
    const response = await forwarding;
    if (!response.webSocket) return untilEnd(response, leaves, hold.release);
    const gate = messages.length > 0 ? openGate(messages) : undefined;
    const socketClosed = socketOpened();
    const onEnd = () => {
      socketClosed();
      gate?.leave();
      hold.release();
    };
    return bridgeSockets(response, { onEnd, ...(gate && { gate }) });
  };

  /** The same response; `end` is called when its body has been sent, or will never be. */
  function untilEnd(response: Response, leaves: AbortSignal, end: () => void): Response {
    const { body } = response;
    if (body === null) {
      end();
      return response;
    }
    const length = response.headers.get("content-length") ?? "";
    // The length of a packed body is not that of what passes here.
    const isSized = /^\d+$/.test(length) && !response.headers.has("content-encoding");
    const { readable, writable } = isSized
      ? new FixedLengthStream(Number(length))
      : new IdentityTransformStream();
    waitUntil(
      body
        .pipeTo(writable, { signal: leaves })
        .catch(() => {})
        .finally(end),
    );
    return new Response(readable, response);
  }
}
