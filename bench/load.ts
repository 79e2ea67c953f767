import { Agent, request as httpRequest } from "node:http";

const CONNECTIONS = 32;
/** workerd closes connections that were idle for five seconds: closed here before, no request can meet that. */
const IDLE_MS = 2_000;
/** How many different callers take turns. */
export const CALLERS = 200;

/** How often each answer came, as `answer` describes it. */
export type Answers = ReadonlyMap<string, number>;

/** What tells an answer of Weir from one that it let pass because of a fault. */
export const answer = (status: number, quotas: number): string => `${status} with ${quotas} quotas`;

/** What a request has beside what all have. */
export interface Extra {
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes it a POST of JSON. */
  readonly body?: string;
  readonly path?: string;
}

/** Sends requests over connections that are kept from one round to the next. */
export interface Load {
  /** Sends this many requests, as many at a time as there are connections. Rejects when one fails. */
  send(url: string, requests: number, extra?: (caller: number) => Extra | Promise<Extra>): Promise<Answers>;
  /** Sends one request, as soon as there is a connection for it, and tells its answer. Rejects when it fails. */
  one(url: string, caller: number, extra?: Extra): Promise<string>;
  close(): void;
}

export function createLoad(connections = CONNECTIONS): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, timeout: IDLE_MS });
  return {
    one: (url, caller, extra = {}) => request(agent, url, caller, extra),
    async send(url, requests, extra = () => ({})) {
      const answers = new Map<string, number>();
      let sent = 0;
      const sendNext = async (): Promise<void> => {
        while (sent < requests) {
          const caller = sent++ % CALLERS;
          const kind = await request(agent, url, caller, await extra(caller));
          answers.set(kind, (answers.get(kind) ?? 0) + 1);
        }
      };
      await Promise.all(Array.from({ length: connections }, sendNext));
      return answers;
    },
    close: () => agent.destroy(),
  };
}

function request(
  agent: Agent,
  url: string,
  caller: number,
  { headers: own, body, path = `/api/items/${caller}?page=1` }: Extra,
): Promise<string> {
  const headers = {
    Accept: "application/json",
    "CF-Connecting-IP": address(caller),
    "X-User-Id": `user-${caller}`,
    ...(body !== undefined && {
      "Content-Type": "application/json",
      "Content-Length": String(Buffer.byteLength(body)),
    }),
    ...own,
  };
  const method = body === undefined ? "GET" : "POST";
  return new Promise((answered, failed) => {
    const sending = httpRequest(url + path, { agent, method, headers }, (response) => {
      const quotas = String(response.headers.ratelimit ?? "").match(/;r=/g)?.length ?? 0;
      response.on("error", failed);
      response.on("end", () => answered(answer(response.statusCode ?? 0, quotas)));
      response.resume();
    });
    sending.on("error", failed).end(body);
  });
}

/** Every second caller has an IPv6 address. All are of the blocks reserved for documentation. */
function address(caller: number): string {
  return caller % 2 === 0 ? `198.51.100.${caller}` : `2001:db8:0:${caller.toString(16)}::1`;
}
