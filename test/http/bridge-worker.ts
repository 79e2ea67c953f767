import { bridgeSockets, type Gate, type Message, type Ruling } from "../../src/http/socket-bridge.ts";
import { closedSocket } from "../../src/http/socket-refusal.ts";

const FORWARD: Ruling = { kind: "forward" };
const STRIKES = 3;

/** The bridge alone in front of `ORIGIN`, so that its tests need no limits: `?gate=` names one of these. */
const GATES: Readonly<Record<string, (ask: () => Promise<unknown>) => Gate>> = {
  /** Does what a message says, and forwards what says nothing. */
  obedient: (ask) => ({ rule: (message) => obey(message, ask) }),
  /** Takes its time over some messages, and none over others. */
  fitful: () => ({
    rule: (message) => {
      const size = typeof message === "string" ? message.length : message.byteLength;
      return size % 3 === 0 ? FORWARD : scheduler.wait(size % 3).then(() => FORWARD);
    },
  }),
};

function obey(message: Message, ask: () => Promise<unknown>): Ruling | Promise<Ruling> {
  switch (message) {
    case "refuse":
      return { kind: "refuse", policy: "chat", retryAfter: 13, strikes: STRIKES };
    case "refuse for good":
      return { kind: "refuse", policy: "chat", retryAfter: undefined, strikes: STRIKES };
    case "close":
      return { kind: "close", code: 4009, reason: "enough" };
    case "throw":
      throw new Error("the gate is broken");
    case "reject":
      return Promise.reject(new Error("the gate is broken"));
    case "wait":
      return ask().then(() => FORWARD);
    case "wait, then refuse":
      return ask().then(() => ({ kind: "refuse", policy: "chat", retryAfter: 1, strikes: STRIKES }));
    default:
      return FORWARD;
  }
}

export default {
  async fetch(request: Request, env: { ORIGIN: string }, context: ExecutionContext): Promise<Response> {
    const { pathname, search, searchParams } = new URL(request.url);
    if (pathname === "/closed") {
      return closedSocket(request, Number(searchParams.get("code")), searchParams.get("reason") ?? "");
    }
    const tell = (event: string): Promise<string> =>
      fetch(`${env.ORIGIN}/${event}${pathname}`).then((answer) => answer.text());
    const gate = GATES[searchParams.get("gate") ?? ""]?.(() => tell("ask"));
    const upgraded = await fetch(new Request(env.ORIGIN + pathname + search, request));
    return bridgeSockets(upgraded, { ...(gate && { gate }), onEnd: () => context.waitUntil(tell("ended")) });
  },
};

/** The configuration names these classes; nothing here uses them. */
export class CounterObject {}
export class MetricsObject {}
