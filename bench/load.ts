import { Agent, get } from "node:http";

const CONNECTIONS = 32;
/** How many different callers take turns. */
export const CALLERS = 200;

/** How often each answer came, as `answer` describes it. */
export type Answers = ReadonlyMap<string, number>;

/** What tells an answer of Weir from one that it let pass because of a fault. */
export const answer = (status: number, quotas: number): string => `${status} with ${quotas} quotas`;

/** Sends requests over connections that are kept from one round to the next. */
export interface Load {
  /** Sends this many requests, as many at a time as there are connections. Rejects when one fails. */
  send(url: string, requests: number): Promise<Answers>;
  close(): void;
}

export function createLoad(): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS, maxFreeSockets: CONNECTIONS });
  return {
    async send(url, requests) {
      const answers = new Map<string, number>();
      let sent = 0;
      const sendNext = async (): Promise<void> => {
        while (sent < requests) {
          const kind = await request(agent, url, sent++ % CALLERS);
          answers.set(kind, (answers.get(kind) ?? 0) + 1);
        }
      };
      await Promise.all(Array.from({ length: CONNECTIONS }, sendNext));
      return answers;
    },
    close: () => agent.destroy(),
  };
}

function request(agent: Agent, url: string, caller: number): Promise<string> {
  const headers = {
    Accept: "application/json",
    "CF-Connecting-IP": address(caller),
    "X-User-Id": `user-${caller}`,
  };
  return new Promise((answered, failed) => {
    get(`${url}/api/items/${caller}?page=1`, { agent, headers }, (response) => {
      const quotas = String(response.headers.ratelimit ?? "").match(/;r=/g)?.length ?? 0;
      response.on("error", failed);
      response.on("end", () => answered(answer(response.statusCode ?? 0, quotas)));
      response.resume();
    }).on("error", failed);
  });
}

/** Every second caller has an IPv6 address. All are of the blocks reserved for documentation. */
function address(caller: number): string {
  return caller % 2 === 0 ? `198.51.100.${caller}` : `2001:db8:0:${caller.toString(16)}::1`;
}
